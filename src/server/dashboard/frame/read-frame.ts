/** Reads what is around a page: how the whole of it stands, and who reads the page. */
import type { FastifyRequest } from 'fastify';
import { RedisUnavailableError } from '../../../errors.js';
import type { ServerContext } from '../../context.js';
import { readSystem, type SystemState } from '../../health/read-system.js';
import { type Operator, operatorOf } from '../../login/operator.js';

export interface PageFrame {
  system: SystemState;
  operator: Operator;
}

/** @throws RedisUnavailableError when Redis does not answer in time. */
export async function readFrame(
  { queues, config }: ServerContext,
  request: FastifyRequest,
): Promise<PageFrame> {
  return { system: await readSystem(queues, config), operator: operatorOf(request) };
}

/** How the whole of it stands, for what is shown also without it. Null when Redis does not answer. */
export async function readSystemIfThere({
  queues,
  config,
}: ServerContext): Promise<SystemState | null> {
  try {
    return await readSystem(queues, config);
  } catch (error) {
    if (error instanceof RedisUnavailableError) return null;
    throw error;
  }
}
