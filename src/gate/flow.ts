/** Which flow a batch belongs to: its tenant and its priority. */
import { type BatchRequest, DEFAULT_PRIORITY, type Priority } from '../jobs/request/request.js';
import type { Flow } from './line-model.js';

/** Nobody starves: bulk gets a hundredth of Atlas beside urgent batches of one tenant, and all of it alone. */
const WEIGHTS: Readonly<Record<Priority, number>> = { urgent: 100, normal: 10, bulk: 1 };

/** @param tenantWeights Shares of tenants, such as `loans=10`; 1 for others. */
export function flowOf(
  { tenant = '', priority = DEFAULT_PRIORITY }: Pick<BatchRequest, 'tenant' | 'priority'>,
  tenantWeights: readonly string[],
): Flow {
  const named = tenantWeights.find((part) => part.startsWith(`${tenant}=`));
  const share = named === undefined ? 1 : Number(named.slice(tenant.length + 1));
  const weight = share * WEIGHTS[priority];
  return { name: `${tenant}/${priority}`, weight };
}
