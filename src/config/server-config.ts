/** The configuration of the HTTP server, as a schema. */
import { z } from 'zod';
import { configSchema } from './config.js';
import { callbackFields, needs, optional, port, secret } from './fields.js';
import { redisCheck, redisFields } from './redis-fields.js';

const { BATCH_DEADLINE_MS, LOG_LEVEL } = configSchema.shape;
export const serverSchema = z
  .object({
    ...redisFields,
    ...{ BATCH_DEADLINE_MS, LOG_LEVEL },
    HOST: z.string().default('127.0.0.1'),
    PORT: port.default(3000),
    WORKER_PORT: optional(port),
    ADMIN_PORT: optional(port),
    DASHBOARD_USER: optional(z.string().regex(/^[^:]+$/, { error: 'must not hold a colon' })),
    DASHBOARD_PASSWORD: optional(secret),
    ...callbackFields,
  })
  .superRefine(...redisCheck)
  .refine(...needs('DASHBOARD_USER', 'DASHBOARD_PASSWORD'))
  .refine(...needs('DASHBOARD_PASSWORD', 'DASHBOARD_USER'))
  .refine(...needs('CALLBACK_CLIENT_ID', 'CALLBACK_CLIENT_SECRET'))
  .refine(...needs('CALLBACK_CLIENT_SECRET', 'CALLBACK_CLIENT_ID'));

/** What the HTTP server needs: it talks to Redis, never to Atlas or S3. */
export type ServerConfig = z.infer<typeof serverSchema>;
