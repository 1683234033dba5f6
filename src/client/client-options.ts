/** The options of a client, and what is wrong with them: in one sentence that names the option. */
import type { S3ClientConfig } from '@aws-sdk/client-s3';
import type { Telemetry } from 'bullmq';
import type { Cluster, Redis, RedisOptions } from 'ioredis';
import { checkActor, checkOptions, checkType } from '../check-options.js';
import { UsageError } from '../errors.js';
import { noProxyIssue, type ProxySettings, proxyIssue } from '../http/proxy.js';
import { BUCKET_NAME, BUCKET_NAME_RULE } from '../jobs/request/bucket-name.js';
import { isObject } from '../json.js';
import { checkS3 } from '../storage/s3-settings.js';
import type { RedisAddress } from './redis-address.js';

/** Settings of a client, besides where Redis is. */
export interface ClientSettings {
  /** The workers' `QUEUE_PREFIX`. Default `{atlas}`, as theirs. */
  prefix?: string | undefined;
  /**
   * How to reach S3, for `results`. Set `{ forcePathStyle: true }` where the workers have
   * `S3_FORCE_PATH_STYLE`. What is not set comes from AWS's own variables.
   */
  s3?: S3ClientConfig | undefined;
  /** Proxies on the way to S3. Default: it is reached directly; the environment is not read. */
  proxy?: ProxySettings | undefined;
  /**
   * Who makes changes through this client (cancels, erases, pauses …), as the audit log and the timelines of
   * batches name it. Default: the user that the process runs as.
   */
  actor?: string | undefined;
  /**
   * Where the workers store results (`RESULTS_BUCKET`, `RESULTS_PREFIX`). Only `erase` needs it, for batches of
   * which Redis holds nothing any more.
   */
  results?: { bucket: string; prefix?: string | undefined } | undefined;
  /** Where a trace of each batch begins, such as `new BullMQOtel('my-app')` of bullmq-otel. */
  telemetry?: Telemetry | undefined;
}

/** Where Redis is, or a connection of yours, and settings. */
export type AtlasBatchClientOptions = ClientSettings &
  (
    | {
        /**
         * Redis, such as `redis://127.0.0.1:6379`. The connection is closed with the client. It may
         * be `process.env.REDIS_URL`: where that is not set, a `UsageError` says so.
         */
        redisUrl: string | undefined;
        redis?: undefined;
        connection?: undefined;
      }
    | {
        /** A server, Sentinels or a Cluster. The connection is closed with the client. */
        redis: RedisAddress;
        redisUrl?: undefined;
        connection?: undefined;
      }
    | {
        /**
         * As BullMQ takes it: a connection of yours, or options of ioredis for one of the client. Yours
         * stays open when the client is closed. Of a Cluster the client takes nodes and options, and
         * opens connections of its own to the node that holds its keys.
         */
        connection: Redis | Cluster | RedisOptions;
        redis?: undefined;
        redisUrl?: undefined;
      }
  );

const EXAMPLE = 'redis://127.0.0.1:6379';
/** The ways to say where Redis is. Exactly one is given. */
const SOURCES = ['redisUrl', 'redis', 'connection'] as const;
const MEMBERS = [...SOURCES, 'prefix', 's3', 'proxy', 'actor', 'results', 'telemetry'];
/** Of BullMQ's `Telemetry`. */
const TELEMETRY = ['tracer', 'contextManager'];
const PROXY_MEMBERS = ['httpsProxy', 'httpProxy', 'noProxy'];

/** @throws UsageError for options that no client can work with. */
export function checkClientOptions(options: unknown): void {
  if (options === undefined) throw new UsageError(nowhere('is given no options'));
  const members = checkOptions('createAtlasBatchClient', options, MEMBERS);
  const given = SOURCES.filter((source) => members[source] !== undefined);
  if (given.length > 1) {
    throw new UsageError(`${given.join(' and ')} exclude each other; give one of them`);
  }
  if (given.length === 0) {
    throw new UsageError(
      'redisUrl' in members
        ? `redisUrl is undefined, as process.env.REDIS_URL is where REDIS_URL is not set; set it, such as ${EXAMPLE}`
        : nowhere('is not told where Redis is'),
    );
  }
  const { connection, prefix, s3, proxy, actor, results, telemetry } = members;
  if (prefix !== undefined && !(typeof prefix === 'string' && /^[^\s:]+$/.test(prefix))) {
    throw new UsageError('prefix must be text without spaces and colons, as QUEUE_PREFIX is');
  }
  checkType('connection', connection, 'object');
  checkS3(s3);
  checkActor('actor', actor);
  if (results !== undefined) {
    const { bucket, prefix: below } = checkOptions('results', results, ['bucket', 'prefix']);
    if (typeof bucket !== 'string' || !BUCKET_NAME.test(bucket))
      throw new UsageError(`results.bucket ${BUCKET_NAME_RULE}`);
    checkType('results.prefix', below, 'string');
  }
  if (
    telemetry !== undefined &&
    !(isObject(telemetry) && TELEMETRY.every((one) => isObject(telemetry[one])))
  ) {
    throw new UsageError("telemetry must be what BullMQ takes, such as new BullMQOtel('my-app')");
  }
  if (proxy !== undefined) checkProxy(proxy);
}

function nowhere(why: string): string {
  return `createAtlasBatchClient ${why}; give redisUrl, redis or connection, such as { redisUrl: '${EXAMPLE}' }`;
}

function checkProxy(value: unknown): void {
  const proxy = checkOptions('proxy', value, PROXY_MEMBERS);
  const { noProxy } = proxy;
  for (const name of ['httpsProxy', 'httpProxy'] as const) {
    const issue = proxy[name] === null ? undefined : proxyIssue(String(proxy[name]));
    if (issue !== undefined) throw new UsageError(`proxy.${name} ${issue}, or null`);
  }
  const issue = Array.isArray(noProxy) ? noProxyIssue(noProxy.map(String)) : 'must be a list';
  if (issue !== undefined) throw new UsageError(`proxy.noProxy ${issue}`);
}
