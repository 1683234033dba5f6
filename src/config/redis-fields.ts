/** The variables of Redis, for schemas of workers, of servers and of the command line. */
import { z } from 'zod';
import { DEFAULT_QUEUE_PREFIX } from '../jobs/queues.js';
import {
  type RedisTarget,
  type RedisVariables,
  redisIssues,
  targetOf,
} from '../redis/connection/target.js';
import { list, optional, yesOrNo } from './fields.js';

export const redisFields = {
  /** Empty: `REDIS_SENTINELS` say where Redis is. */
  REDIS_URL: z.string().default(''),
  REDIS_CLUSTER: yesOrNo.default(false),
  REDIS_SENTINELS: list.default([]),
  REDIS_SENTINEL_NAME: optional(z.string()),
  REDIS_SENTINEL_PASSWORD: optional(z.string()),
  REDIS_TLS_CA_FILE: optional(z.string()),
  REDIS_TLS_CERT_FILE: optional(z.string()),
  REDIS_TLS_KEY_FILE: optional(z.string()),
  QUEUE_PREFIX: z
    .string()
    .regex(/^[^\s:]+$/, { error: 'must hold no spaces and no colons' })
    .default(DEFAULT_QUEUE_PREFIX),
};

/** Where Redis is. User and password are read from the configuration for each connection. */
export function redisTarget(config: RedisVariables): RedisTarget {
  return { ...targetOf(config), credentials: () => targetOf(config).credentials() };
}

/** The check of all of them together, for `superRefine`; other variables may be wrong. */
export const redisCheck = [
  (values: RedisVariables, context: z.RefinementCtx) => {
    for (const { variable, issue } of redisIssues(values)) {
      context.addIssue({ code: 'custom', path: [variable], message: issue });
    }
  },
  { when: ({ value }: { value: unknown }) => isRead(value) },
] as const;

/** Whether each of them has been read by itself. */
function isRead(value: unknown): boolean {
  const { REDIS_CLUSTER, QUEUE_PREFIX } = value as Partial<RedisVariables>;
  return typeof REDIS_CLUSTER === 'boolean' && typeof QUEUE_PREFIX === 'string';
}
