/** Typed options of a worker as configuration: for a worker inside a process of one's own. */
import { type Config, configSchema } from './config.js';
import { type Issue, parse } from './parse.js';

/**
 * What a worker may be told: the same settings as the variables of the command line, with the same
 * defaults and bounds. The environment is not read for them. How to reach S3 (region, credentials,
 * endpoint) comes from AWS's own variables, as in the AWS SDK.
 */
export interface WorkerSettings {
  /** Redis, such as `redis://127.0.0.1:6379`; `rediss:` for TLS. Needed without `redisSentinels`. */
  redisUrl?: string | undefined;
  /** Whether `redisUrl` names nodes of a Cluster, with commas in between. Default false. */
  redisCluster?: boolean | undefined;
  /** Sentinels, such as `['one.example.com:26379']`. Default: `redisUrl` says where Redis is. */
  redisSentinels?: readonly string[] | undefined;
  /** What the Sentinels call the master. */
  redisSentinelName?: string | undefined;
  /** The password of the Sentinels themselves. Default: none. */
  redisSentinelPassword?: string | undefined;
  /** File of the authority that signed the certificate of Redis. Default: those of Node. */
  redisTlsCaFile?: string | undefined;
  /** File of a certificate of ours, where Redis wants one. */
  redisTlsCertFile?: string | undefined;
  /** File of the private key of `redisTlsCertFile`. */
  redisTlsKeyFile?: string | undefined;
  /** Prefix of all keys in Redis. Default `{atlas}`; clients must have the same. */
  queuePrefix?: string | undefined;
  /** Proxy of https URLs, such as `http://proxy.example.com:3128`. Default: none. */
  httpsProxy?: string | undefined;
  /** Proxy of http URLs. Default: none. */
  httpProxy?: string | undefined;
  /** Hosts that are reached directly, as in `NO_PROXY`. Loopback always is. */
  noProxy?: readonly string[] | undefined;
  /** Base URL of Atlas: https, except on loopback. */
  atlasBaseUrl: string;
  /** The client id that Atlas gave you. */
  atlasClientId: string;
  /** The client secret that Atlas gave you. */
  atlasClientSecret: string;
  /** Time-out of one request to Atlas, in milliseconds. Default 20,000. */
  atlasTimeoutMs?: number | undefined;
  /** Requests per second to Atlas, over all workers. Default 0: no limit. */
  atlasMaxRequestsPerSecond?: number | undefined;
  /** A batch of more documents is split over several uploads. Default 100. */
  atlasMaxDocumentsPerUpload?: number | undefined;
  /** Documents at Atlas at once, over all workers. Default 0: no limit. */
  atlasMaxDocumentsInFlight?: number | undefined;
  /** Documents that go to Atlas on one day, over all workers, repeats included. Default 0: no limit. */
  atlasMaxDocumentsPerDay?: number | undefined;
  /** Whose days that are, of the IANA list, such as `Asia/Kolkata`. Default `UTC`. */
  quotaTimezone?: string | undefined;
  /** Shares of tenants whose batches wait in line, such as `['loans=10', 'archive=1']`. Default 1 each. */
  tenantWeights?: readonly string[] | undefined;
  /** Extracts per page that Atlas is asked for. Default 50. */
  atlasExtractsPerPage?: number | undefined;
  /** Bucket that results are written to. */
  resultsBucket: string;
  /** Key prefix of results. Default: none. */
  resultsPrefix?: string | undefined;
  /** How S3 is to encrypt results: `AES256` or `aws:kms`. Default: as the bucket says. */
  resultsSse?: 'AES256' | 'aws:kms' | undefined;
  /** The key of `aws:kms`. Default: the bucket's, or AWS's own. */
  resultsKmsKeyId?: string | undefined;
  /** Buckets that documents may be in. Default: any but `resultsBucket`. */
  s3AllowedBuckets?: readonly string[] | undefined;
  /** Path-style addresses of S3, as most S3-compatible stores want them. Default false. */
  s3ForcePathStyle?: boolean | undefined;
  /** The store's address in the URLs that Atlas fetches. Default: the one that we use. */
  s3PublicEndpointUrl?: string | undefined;
  /** Life of a pre-signed URL, in seconds. Default 3,600. */
  presignExpiresSeconds?: number | undefined;
  /** Batches that are checked and sent at once in this process. Default 10. */
  submitConcurrency?: number | undefined;
  /** Atlas batches that are polled at once in this process. Default 50. */
  pollConcurrency?: number | undefined;
  /** Shortest time between two polls of an Atlas batch, in milliseconds. Default 1,000. */
  pollMinMs?: number | undefined;
  /** Longest time between two polls of an Atlas batch, in milliseconds. Default 60,000. */
  pollMaxMs?: number | undefined;
  /** Time for a batch, in milliseconds, from when a worker first takes it. Default 3,600,000. */
  batchDeadlineMs?: number | undefined;
  /** How often missing documents are sent again before `INCOMPLETE`. Default 1. */
  resubmitMissing?: number | undefined;
  /** What to do when it is unknown whether Atlas took an upload. Default `resubmit`. */
  onAmbiguousSubmission?: 'resubmit' | 'fail' | undefined;
  /** Wait this long for one replica of Redis before each upload, in milliseconds. Default 0: off. */
  replicaAckTimeoutMs?: number | undefined;
  /** How long completed batch jobs are kept, in seconds. Default 86,400. */
  keepCompletedSeconds?: number | undefined;
  /** How many completed batch jobs are kept at most. Default 2,000,000. */
  keepCompletedCount?: number | undefined;
  /** How long failed batch jobs are kept, in seconds. Default 604,800. */
  keepFailedSeconds?: number | undefined;
  /** How long a completion event that nobody takes is kept, in milliseconds. Default 604,800,000. */
  completionsTtlMs?: number | undefined;
  /** How long documents of an `INCOMPLETE` batch are still awaited, in milliseconds. Default 0: not at all. */
  lateResultsForMs?: number | undefined;
  /** What Atlas presents at `auth_url`. Default: callbacks are off. */
  callbackClientId?: string | undefined;
  /** The secret that belongs to `callbackClientId`; two with a comma between while one is rotated. */
  callbackClientSecret?: string | undefined;
  /** Completion events are POSTed there too. Default: nowhere. */
  completionWebhookUrl?: string | undefined;
  /** The secret that signs them, or two with a comma between; needed with `completionWebhookUrl`. */
  completionWebhookSecret?: string | undefined;
  /** Least level that is logged, unless you pass a logger. Default `info`. */
  logLevel?: 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent' | undefined;
}

type KindOf<Type> = Type extends boolean
  ? 'boolean'
  : Type extends number
    ? 'number'
    : Type extends readonly string[]
      ? 'list'
      : 'text';
type Kinds = { [Name in keyof WorkerSettings]-?: KindOf<NonNullable<WorkerSettings[Name]>> };

/** Of the settings that are no text. */
const OTHER_KINDS: {
  [Name in keyof Kinds as Kinds[Name] extends 'text' ? never : Name]: Kinds[Name];
} = {
  redisCluster: 'boolean',
  redisSentinels: 'list',
  noProxy: 'list',
  atlasTimeoutMs: 'number',
  atlasMaxRequestsPerSecond: 'number',
  atlasMaxDocumentsPerUpload: 'number',
  atlasMaxDocumentsInFlight: 'number',
  atlasMaxDocumentsPerDay: 'number',
  tenantWeights: 'list',
  atlasExtractsPerPage: 'number',
  s3AllowedBuckets: 'list',
  s3ForcePathStyle: 'boolean',
  presignExpiresSeconds: 'number',
  submitConcurrency: 'number',
  pollConcurrency: 'number',
  pollMinMs: 'number',
  pollMaxMs: 'number',
  batchDeadlineMs: 'number',
  resubmitMissing: 'number',
  replicaAckTimeoutMs: 'number',
  keepCompletedSeconds: 'number',
  keepCompletedCount: 'number',
  keepFailedSeconds: 'number',
  completionsTtlMs: 'number',
  lateResultsForMs: 'number',
};

const KINDS = new Map<string, Kinds[keyof Kinds]>(Object.entries(OTHER_KINDS));

const IS: Readonly<Record<Kinds[keyof Kinds], (value: unknown) => boolean>> = {
  boolean: (value) => typeof value === 'boolean',
  number: (value) => typeof value === 'number',
  list: (value) => Array.isArray(value) && value.every((one) => typeof one === 'string'),
  text: (value) => typeof value === 'string',
};
const KIND_NAMES = {
  boolean: 'true or false',
  number: 'a number',
  list: 'a list of text',
  text: 'text',
};

/** Names of the settings by the names of their variables: `POLL_MIN_MS` is `pollMinMs`. */
const SETTINGS = new Map(
  Object.keys(configSchema.shape)
    // Those in small letters are a second spelling.
    .filter((variable) => /^[A-Z]/.test(variable))
    .map((variable) => [
      variable,
      variable.toLowerCase().replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase()),
    ]),
);

export const SETTING_NAMES: readonly string[] = [...SETTINGS.values()];

/** @throws UsageError naming every wrong or missing setting. */
export function configOf(settings: WorkerSettings): Config {
  const values: Record<string, string | undefined> = {};
  const issues: Issue[] = [];
  for (const [variable, name] of SETTINGS) {
    const value: unknown = Reflect.get(settings, name);
    if (value === undefined || value === null) continue;
    const kind = KINDS.get(name) ?? 'text';
    if (!IS[kind](value)) issues.push([variable, `must be ${KIND_NAMES[kind]}`]);
    // A list too: its elements with commas in between, as in the environment.
    else values[variable] = String(value);
  }
  return parse(configSchema, values, (variable) => SETTINGS.get(variable) ?? variable, issues);
}
