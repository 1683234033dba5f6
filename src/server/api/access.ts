/** What a token may do, and which batches it may see. Pure. */
import type { ApiRole, ApiToken } from '../../config/api-tokens.js';
import { ApiProblem } from './problem.js';

/** What a route does, for whoever may call it. */
export type Action = 'read' | 'add' | 'cancel' | 'retry' | 'erase';

const MAY: Readonly<Record<ApiRole, readonly Action[]>> = {
  submit: ['read', 'add', 'cancel'],
  read: ['read'],
  operate: ['read', 'add', 'cancel', 'retry', 'erase'],
};

/** Who calls: a token without its hash. */
export type Caller = Omit<ApiToken, 'sha256'>;

/** The roles that may do it. */
export function rolesFor(action: Action): ApiRole[] {
  return (Object.keys(MAY) as ApiRole[]).filter((role) => MAY[role].includes(action));
}

/** @throws ApiProblem when the role of the caller does not allow it. */
export function checkRole({ role }: Caller, action: Action): void {
  if (MAY[role].includes(action)) return;
  throw new ApiProblem('FORBIDDEN', { detail: `the role ${role} may not ${action}` });
}

/** @param tenant Of a batch; null when it has none, or nobody knows it any more. */
export function maySee(caller: Caller, tenant: string | null): boolean {
  return caller.tenant === null || caller.tenant === tenant;
}

/**
 * The data of a batch with the tenant of the caller on it. What is no object is left to the check of the
 * data, and so is a tenant that is none.
 * @throws ApiProblem when the data names another tenant.
 */
export function withTenant({ tenant }: Caller, data: unknown): unknown {
  if (tenant === null || typeof data !== 'object' || data === null) return data;
  const named: unknown = Reflect.get(data, 'tenant');
  if (named === undefined) return { ...data, tenant };
  if (typeof named === 'string' && named !== tenant) {
    throw new ApiProblem('FORBIDDEN', { detail: 'the token is of another tenant' });
  }
  return data;
}
