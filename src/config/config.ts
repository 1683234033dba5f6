/** The configuration of a worker, as a schema. The type is derived from it. */
import { z } from 'zod';
import { baseUrlIssue } from '../atlas/base-url.js';
import { timeZoneIssue } from '../gate/calendar.js';
import { transportIssue } from '../http/transport-issue.js';
import { webhookSecretIssue } from '../jobs/webhook-secret.js';
import { MAX_TIMER_MS } from '../timeouts.js';
import {
  callbackFields,
  header,
  integer,
  needs,
  optional,
  secrets,
  text,
  weights,
  withoutIssue,
} from './fields.js';
import { proxyFields } from './proxy-fields.js';
import { redisCheck, redisFields } from './redis-fields.js';
import { kmsCheck, s3Fields } from './s3-fields.js';

const DAY_SECONDS = 86_400;

/** Every variable of a worker. Names, defaults and bounds are fixed: operators rely on them. */
export const configSchema = z
  .object({
    ...redisFields,
    ...proxyFields,
    ATLAS_BASE_URL: withoutIssue(text('the https URL of Atlas'), baseUrlIssue),
    ATLAS_CLIENT_ID: header('the client id that Atlas gave you'),
    ATLAS_CLIENT_SECRET: header('the client secret that Atlas gave you'),
    ...s3Fields,
    ATLAS_MAX_DOCUMENTS_PER_UPLOAD: integer(1, 10_000, 'documents').default(100),
    ATLAS_MAX_DOCUMENTS_IN_FLIGHT: integer(0, 1_000_000_000, 'documents').default(0),
    ATLAS_MAX_DOCUMENTS_PER_DAY: integer(0, 1_000_000_000, 'documents').default(0),
    QUOTA_TIMEZONE: withoutIssue(z.string(), timeZoneIssue).default('UTC'),
    TENANT_WEIGHTS: weights.default([]),
    ATLAS_EXTRACTS_PER_PAGE: integer(1, 10_000, 'extracts').default(50),
    ATLAS_TIMEOUT_MS: integer(100, 600_000, 'milliseconds').default(20_000),
    ATLAS_MAX_REQUESTS_PER_SECOND: integer(0, 100_000, 'requests').default(0),
    SUBMIT_CONCURRENCY: integer(1, 1000, 'jobs').default(10),
    POLL_CONCURRENCY: integer(1, 5000, 'jobs').default(50),
    POLL_MIN_MS: integer(10, MAX_TIMER_MS, 'milliseconds').default(1000),
    POLL_MAX_MS: integer(10, MAX_TIMER_MS, 'milliseconds').default(60_000),
    BATCH_DEADLINE_MS: integer(1000, MAX_TIMER_MS, 'milliseconds').default(3_600_000),
    RESUBMIT_MISSING: integer(0, 10, 'rounds').default(1),
    ON_AMBIGUOUS_SUBMISSION: z
      .enum(['resubmit', 'fail'], { error: 'must be resubmit or fail' })
      .default('resubmit'),
    REPLICA_ACK_TIMEOUT_MS: integer(0, 60_000, 'milliseconds').default(0),
    KEEP_COMPLETED_SECONDS: integer(1, 365 * DAY_SECONDS, 'seconds').default(DAY_SECONDS),
    // Two days of a million batches each. It bounds the memory of Redis in a flood.
    KEEP_COMPLETED_COUNT: integer(1, 1_000_000_000, 'batches').default(2_000_000),
    KEEP_FAILED_SECONDS: integer(1, 365 * DAY_SECONDS, 'seconds').default(7 * DAY_SECONDS),
    COMPLETIONS_TTL_MS: integer(1000, 365 * DAY_SECONDS * 1000, 'milliseconds').default(
      7 * DAY_SECONDS * 1000,
    ),
    LATE_RESULTS_FOR_MS: integer(0, 365 * DAY_SECONDS * 1000, 'milliseconds').default(0),
    ...callbackFields,
    COMPLETION_WEBHOOK_URL: optional(withoutIssue(z.string(), webhookUrlIssue)),
    COMPLETION_WEBHOOK_SECRET: optional(secrets(webhookSecretIssue)),
    LOG_LEVEL: z
      .enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], {
        error: 'must be fatal, error, warn, info, debug, trace or silent',
      })
      .default('info'),
  })
  .superRefine(...redisCheck)
  .refine(({ POLL_MIN_MS: min, POLL_MAX_MS: max }) => min <= max, {
    path: ['POLL_MIN_MS'],
    error: 'must not be greater than POLL_MAX_MS',
    // Also when other variables are wrong, so that all issues are reported at once.
    when: ({ value }) => isPollBounds(value),
  })
  .refine(({ LATE_RESULTS_FOR_MS: late, KEEP_FAILED_SECONDS: kept }) => late <= kept * 1000, {
    path: ['LATE_RESULTS_FOR_MS'],
    error: 'must not be longer than KEEP_FAILED_SECONDS: what is awaited has to be kept',
    when: ({ value }) => isLateAndKept(value),
  })
  .refine(...kmsCheck())
  .refine(...needs('CALLBACK_CLIENT_ID', 'CALLBACK_CLIENT_SECRET'))
  .refine(...needs('CALLBACK_CLIENT_SECRET', 'CALLBACK_CLIENT_ID'))
  .refine(...needs('COMPLETION_WEBHOOK_URL', 'COMPLETION_WEBHOOK_SECRET'))
  .refine(...needs('COMPLETION_WEBHOOK_SECRET', 'COMPLETION_WEBHOOK_URL'));

/** What is wrong with the URL of a webhook, as the end of a sentence; undefined when it will do. */
function webhookUrlIssue(value: string): string | undefined {
  if (!URL.canParse(value)) return 'must be a URL such as https://app.example.com/atlas-events';
  const url = new URL(value);
  if (url.hash !== '') return 'must hold no fragment';
  return transportIssue(url, 'references and document ids');
}

function isPollBounds(value: unknown): boolean {
  const { POLL_MIN_MS, POLL_MAX_MS } = value as { POLL_MIN_MS?: unknown; POLL_MAX_MS?: unknown };
  return typeof POLL_MIN_MS === 'number' && typeof POLL_MAX_MS === 'number';
}

function isLateAndKept(value: unknown): boolean {
  const { LATE_RESULTS_FOR_MS: late, KEEP_FAILED_SECONDS: kept } = Object(value);
  return typeof late === 'number' && typeof kept === 'number';
}

export type Config = z.infer<typeof configSchema>;

/** Whether Atlas calls us when documents are done. */
export function hasCallbacks(config: Pick<Config, 'CALLBACK_CLIENT_ID'>): boolean {
  return config.CALLBACK_CLIENT_ID !== null;
}

/** Keeps a poll job longer than its batch can wait for it, and as long as the batch may be retried. */
export function keepPollSeconds(config: Config): number {
  return (
    Math.ceil(config.BATCH_DEADLINE_MS / 1000) +
    Math.max(config.KEEP_COMPLETED_SECONDS, config.KEEP_FAILED_SECONDS)
  );
}
