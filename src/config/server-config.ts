/** The configuration of the HTTP server, as a schema. */
import { z } from 'zod';
import { apiTokensIssue } from './api-tokens.js';
import { configSchema } from './config.js';
import {
  addresses,
  basePath,
  callbackFields,
  needs,
  optional,
  port,
  secret,
  withoutIssue,
} from './fields.js';
import { proxyFields } from './proxy-fields.js';
import { redisCheck, redisFields } from './redis-fields.js';
import { s3Fields } from './s3-fields.js';

const { BATCH_DEADLINE_MS, ATLAS_MAX_DOCUMENTS_PER_DAY, QUOTA_TIMEZONE, LOG_LEVEL } =
  configSchema.shape;
export const serverSchema = z
  .object({
    ...redisFields,
    ...{ BATCH_DEADLINE_MS, ATLAS_MAX_DOCUMENTS_PER_DAY, QUOTA_TIMEZONE, LOG_LEVEL },
    HOST: z.string().default('127.0.0.1'),
    PORT: port.default(3000),
    WORKER_PORT: optional(port),
    ADMIN_PORT: optional(port),
    /** The content of the file that `API_TOKENS_FILE` names. */
    API_TOKENS: optional(withoutIssue(z.string(), apiTokensIssue)),
    S3_FORCE_PATH_STYLE: s3Fields.S3_FORCE_PATH_STYLE,
    /** Needed by nobody but who erases a batch that Redis does not know any more. */
    RESULTS_BUCKET: optional(s3Fields.RESULTS_BUCKET),
    RESULTS_PREFIX: s3Fields.RESULTS_PREFIX,
    ...proxyFields,
    DASHBOARD_USER: optional(z.string().regex(/^[^:]+$/, { error: 'must not hold a colon' })),
    DASHBOARD_PASSWORD: optional(secret),
    DASHBOARD_USERS_FILE: optional(z.string()),
    TRUST_PROXY: addresses.default([]),
    OPERATOR_HEADER: optional(
      z
        .string()
        .regex(/^[\w-]+$/, { error: 'must be the name of a header of HTTP' })
        .toLowerCase(),
    ),
    BASE_PATH: basePath.prefault('/'),
    ...callbackFields,
  })
  .superRefine(...redisCheck)
  .refine(...needs('DASHBOARD_USER', 'DASHBOARD_PASSWORD'))
  .refine(...needs('DASHBOARD_PASSWORD', 'DASHBOARD_USER'))
  .refine(({ OPERATOR_HEADER: header, TRUST_PROXY: proxies }) => !header || proxies.length > 0, {
    path: ['TRUST_PROXY'],
    error: 'is missing; OPERATOR_HEADER needs it: anybody could send that header',
    when: ({ value }) => Reflect.has(Object(value), 'TRUST_PROXY'),
  })
  .refine(...needs('CALLBACK_CLIENT_ID', 'CALLBACK_CLIENT_SECRET'))
  .refine(...needs('CALLBACK_CLIENT_SECRET', 'CALLBACK_CLIENT_ID'));

/** What the HTTP server needs: it talks to Redis, to S3 for the results of the API and to erase some, and never to Atlas. */
export type ServerConfig = z.infer<typeof serverSchema>;
