/** Who makes a change through the API, as it is written down. */
import type { Auditor } from '../../batches/audit.js';
import type { ApiCall, ApiServices } from './operation.js';

export function auditorOf(
  { logger }: Pick<ApiServices, 'logger'>,
  { caller, address }: Pick<ApiCall<unknown>, 'caller' | 'address'>,
): Auditor {
  return { actor: { name: caller.name, via: 'api', address }, logger };
}
