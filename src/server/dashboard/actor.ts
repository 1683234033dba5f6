/** Who makes a change through the dashboard, as it is written down. */
import type { FastifyRequest } from 'fastify';
import type { Auditor } from '../../batches/audit.js';
import type { Logger } from '../../logging.js';
import { operatorOf } from '../login/operator.js';

export function auditorOf(request: FastifyRequest, logger: Logger): Auditor {
  const { name } = operatorOf(request);
  return { actor: { name, via: 'dashboard', address: request.ip }, logger };
}
