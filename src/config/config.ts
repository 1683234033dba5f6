/**
 * Configuration: the only reader of the environment. One schema; the type is derived from it.
 * Every issue is reported at once, names its variable, and never shows a secret's value.
 */
import { z } from 'zod';
import { baseUrlIssue, transportIssue } from '../atlas/base-url.js';
import { UsageError } from '../errors.js';
import { DEFAULT_QUEUE_PREFIX } from '../jobs/queues.js';
import { webhookSecretIssue } from '../jobs/webhook-secret.js';

const DAY_SECONDS = 86_400;
/** Node's timers overflow beyond this; longer ones would fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

const text = (want: string) => z.string({ error: `is missing; set ${want}` });
const integer = (min: number, max: number, unit: string) =>
  z
    .string()
    .regex(/^\d+$/, { error: `must be a whole number of ${unit}` })
    .transform(Number)
    .pipe(
      z
        .number()
        .min(min, { error: `must be at least ${min} ${unit}` })
        .max(max, { error: `must be at most ${max} ${unit}` }),
    );
const url = (protocols: string[], want: string) =>
  text(want).refine((value) => URL.canParse(value) && protocols.includes(new URL(value).protocol), {
    error: `must be ${want}`,
  });
/** Text that a function finds no issue with. */
const withoutIssue = (type: z.ZodString, findIssue: (value: string) => string | undefined) =>
  type.superRefine((value, issues) => {
    const issue = findIssue(value);
    if (issue !== undefined) issues.addIssue({ code: 'custom', message: issue });
  });
const list = z.string().transform((value) =>
  value
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== ''),
);
const yesOrNo = z
  .enum(['true', 'false', '1', '0'], { error: 'must be true or false' })
  .transform((value) => value === 'true' || value === '1');

const port = integer(0, 65_535, 'as a port');

const callbackShape = {
  CALLBACK_CLIENT_ID: z.string().nullable().default(null),
  CALLBACK_CLIENT_SECRET: z.string().nullable().default(null),
};

/** CONTRACT of the outside: names, defaults and meanings as the README's table lists them. */
const schema = z
  .object({
    REDIS_URL: url(['redis:', 'rediss:'], 'a URL such as redis://127.0.0.1:6379'),
    QUEUE_PREFIX: z
      .string()
      .regex(/^[^\s:]+$/, { error: 'must hold no spaces and no colons' })
      .default(DEFAULT_QUEUE_PREFIX),
    ATLAS_BASE_URL: withoutIssue(text('the https URL of Atlas'), baseUrlIssue),
    ATLAS_CLIENT_ID: text('the client id that Atlas gave you').min(1),
    ATLAS_CLIENT_SECRET: text('the client secret that Atlas gave you').min(1),
    RESULTS_BUCKET: text('the bucket that results are written to').min(1),
    RESULTS_PREFIX: z.string().default(''),
    S3_ALLOWED_BUCKETS: list.default([]),
    S3_FORCE_PATH_STYLE: yesOrNo.default(false),
    PRESIGN_EXPIRES_SECONDS: integer(1, 7 * DAY_SECONDS, 'seconds').default(3600),
    ATLAS_MAX_DOCUMENTS_PER_UPLOAD: integer(1, 10_000, 'documents').default(100),
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
    // Two days of a million batches each: a flood must not fill Redis before their time is over.
    KEEP_COMPLETED_COUNT: integer(1, 1_000_000_000, 'batches').default(2_000_000),
    KEEP_FAILED_SECONDS: integer(1, 365 * DAY_SECONDS, 'seconds').default(7 * DAY_SECONDS),
    COMPLETIONS_TTL_MS: integer(1000, 365 * DAY_SECONDS * 1000, 'milliseconds').default(
      7 * DAY_SECONDS * 1000,
    ),
    ...callbackShape,
    COMPLETION_WEBHOOK_URL: withoutIssue(z.string(), webhookUrlIssue).nullable().default(null),
    COMPLETION_WEBHOOK_SECRET: withoutIssue(z.string(), webhookSecretIssue)
      .nullable()
      .default(null),
    LOG_LEVEL: z
      .enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], {
        error: 'must be fatal, error, warn, info, debug, trace or silent',
      })
      .default('info'),
  })
  .refine(({ POLL_MIN_MS: min, POLL_MAX_MS: max }) => min <= max, {
    path: ['POLL_MIN_MS'],
    error: 'must not be greater than POLL_MAX_MS',
    // Even when other variables are wrong: all issues are told at once.
    when: ({ value }) => isPollBounds(value),
  })
  .refine(...needs('CALLBACK_CLIENT_ID', 'CALLBACK_CLIENT_SECRET'))
  .refine(...needs('CALLBACK_CLIENT_SECRET', 'CALLBACK_CLIENT_ID'))
  .refine(...needs('COMPLETION_WEBHOOK_URL', 'COMPLETION_WEBHOOK_SECRET'))
  .refine(...needs('COMPLETION_WEBHOOK_SECRET', 'COMPLETION_WEBHOOK_URL'));

/** A check for two variables of which one makes no sense without the other; both may be unset. */
function needs<Name extends string>(name: Name, other: Name) {
  const isMet = (values: Partial<Record<Name, unknown>>) =>
    (values[name] ?? null) === null || (values[other] ?? null) !== null;
  const issue = { path: [other], error: `is missing; ${name} needs it`, when: () => true };
  return [isMet, issue] as const;
}

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

export type Config = z.infer<typeof schema>;

/** Whether Atlas tells us when documents are done. */
export function hasCallbacks(config: Pick<Config, 'CALLBACK_CLIENT_ID'>): boolean {
  return config.CALLBACK_CLIENT_ID !== null;
}

/** Variables whose value is never shown. */
const SECRETS: ReadonlySet<string> = new Set([
  'ATLAS_CLIENT_SECRET',
  'CALLBACK_CLIENT_SECRET',
  'DASHBOARD_PASSWORD',
  'REDIS_URL',
  // Receivers put tokens into the query.
  'COMPLETION_WEBHOOK_URL',
  'COMPLETION_WEBHOOK_SECRET',
]);
const SHOWN_LENGTH = 80;

/**
 * Reads and checks the configuration. An empty variable counts as not set.
 * @throws UsageError naming every wrong or missing variable.
 */
export function loadConfig(environment: NodeJS.ProcessEnv = process.env): Config {
  return parse(schema, environment);
}

const s3Schema = z.object({ S3_FORCE_PATH_STYLE: schema.shape.S3_FORCE_PATH_STYLE });
const connectionSchema = s3Schema.extend({
  REDIS_URL: schema.shape.REDIS_URL,
  QUEUE_PREFIX: schema.shape.QUEUE_PREFIX,
});

/** The part that a client needs: commands that only talk to Redis and read results ask no more. */
export type ConnectionConfig = z.infer<typeof connectionSchema>;

/** @throws UsageError like {@link loadConfig}. */
export function loadConnectionConfig(
  environment: NodeJS.ProcessEnv = process.env,
): ConnectionConfig {
  return parse(connectionSchema, environment);
}

/** For commands that ask S3 alone. @throws UsageError like {@link loadConfig}. */
export function loadS3Config(
  environment: NodeJS.ProcessEnv = process.env,
): z.infer<typeof s3Schema> {
  return parse(s3Schema, environment);
}

const { REDIS_URL, QUEUE_PREFIX, BATCH_DEADLINE_MS, LOG_LEVEL } = schema.shape;
const serverSchema = z
  .object({
    ...{ REDIS_URL, QUEUE_PREFIX, BATCH_DEADLINE_MS, LOG_LEVEL },
    HOST: z.string().default('127.0.0.1'),
    PORT: port.default(3000),
    WORKER_PORT: port.nullable().default(null),
    ADMIN_PORT: port.nullable().default(null),
    DASHBOARD_USER: z
      .string()
      .regex(/^[^:]+$/, { error: 'must not hold a colon' })
      .nullable()
      .default(null),
    DASHBOARD_PASSWORD: z.string().nullable().default(null),
    ...callbackShape,
  })
  .refine(...needs('DASHBOARD_USER', 'DASHBOARD_PASSWORD'))
  .refine(...needs('DASHBOARD_PASSWORD', 'DASHBOARD_USER'))
  .refine(...needs('CALLBACK_CLIENT_ID', 'CALLBACK_CLIENT_SECRET'))
  .refine(...needs('CALLBACK_CLIENT_SECRET', 'CALLBACK_CLIENT_ID'));

/** What the HTTP server needs: it talks to Redis, never to Atlas or S3. */
export type ServerConfig = z.infer<typeof serverSchema>;

/** @throws UsageError like {@link loadConfig}. */
export function loadServerConfig(environment: NodeJS.ProcessEnv = process.env): ServerConfig {
  return parse(serverSchema, environment);
}

/**
 * Whether the standard OpenTelemetry variables ask for traces. The SDK that sends them is the
 * process's own: it is loaded before us, and reads the rest of those variables.
 */
export function wantsTraces(environment: NodeJS.ProcessEnv = process.env): boolean {
  const { OTEL_SDK_DISABLED, OTEL_TRACES_EXPORTER = '' } = environment;
  if (OTEL_SDK_DISABLED === 'true' || OTEL_TRACES_EXPORTER === 'none') return false;
  const { OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT } = environment;
  const endpoint = OTEL_EXPORTER_OTLP_TRACES_ENDPOINT ?? OTEL_EXPORTER_OTLP_ENDPOINT ?? '';
  return endpoint !== '' || OTEL_TRACES_EXPORTER !== '';
}

function parse<T extends z.ZodType>(type: T, environment: NodeJS.ProcessEnv): z.infer<T> {
  const set = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''));
  const parsed = type.safeParse(set);
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues.map((issue) => {
    const name = String(issue.path[0]);
    const value = set[name];
    const got = value === undefined ? '' : `; got ${shown(name, value)}`;
    return `${name} ${issue.message}${got}`;
  });
  throw new UsageError(`The configuration is wrong:\n  ${issues.join('\n  ')}`);
}

function shown(name: string, value: string): string {
  // A URL may carry a password where none belongs.
  return SECRETS.has(name) || value.includes('@')
    ? 'a value that is not shown'
    : JSON.stringify(value.slice(0, SHOWN_LENGTH));
}
