/** Where the Redis of a client is, as upstream apps say it. */
import { createSecureContext, type ConnectionOptions as TlsOptions } from 'node:tls';
import type { Cluster, ClusterNode, Redis, RedisOptions } from 'ioredis';
import { checkOptions } from '../check-options.js';
import { UsageError } from '../errors.js';
import { isObject } from '../json.js';
import { withTimeouts } from '../redis/connection/connect.js';
import type { ConnectionOptions } from '../redis/connection/connection.js';
import {
  MAX_PORT,
  parseRedisUrl,
  type RedisNode,
  type RedisTarget,
} from '../redis/connection/target.js';
import type { TlsSource } from '../redis/connection/tls.js';

/** How to log in to the servers behind Sentinels, or to the nodes of a Cluster. */
export interface RedisLogin {
  /** Default: the default user of Redis. */
  username?: string | undefined;
  /** Default: none. */
  password?: string | undefined;
  /** `true`, or options of Node, such as `ca`, `cert` and `key` as PEM text. */
  tls?: boolean | TlsOptions | undefined;
}

/** One server, Sentinels and the name that they know the master by, or nodes of a Cluster. */
export type RedisAddress =
  | {
      /** Such as `redis://127.0.0.1:6379`, or `rediss:` for TLS. */
      url: string;
      /** Options of Node for `rediss:`, such as `ca`, `cert` and `key` as PEM text. */
      tls?: TlsOptions | undefined;
    }
  | (RedisLogin & {
      sentinels: readonly RedisNode[];
      /** What the Sentinels call the master. */
      name: string;
      /** Of the Sentinels themselves. */
      sentinelPassword?: string | undefined;
      /** Number of the database. Default 0. */
      db?: number | undefined;
    })
  | (RedisLogin & {
      /** Some nodes of the Cluster: each knows all. */
      cluster: readonly RedisNode[];
    });

const LOGIN = ['username', 'password', 'tls'];

/** @throws UsageError when it is no address. */
export function targetAt(address: RedisAddress): RedisTarget {
  const forms = ['url', 'sentinels', 'cluster'];
  if (!forms.some((form) => form in Object(address))) {
    throw new UsageError('redis must be { url }, { sentinels, name } or { cluster }');
  }
  if ('url' in address) {
    checkOptions('redis', address, ['url', 'tls']);
    return targetAtUrl(address.url, 'redis.url', address.tls);
  }
  const { username, password, tls } = address;
  const access = {
    credentials: () => ({ username, password }),
    tls: tls ? sourceOf(tls === true ? {} : tls) : undefined,
  };
  if ('cluster' in address) {
    checkOptions('redis', address, ['cluster', ...LOGIN]);
    checkNodes('redis.cluster', address.cluster);
    return { kind: 'cluster', nodes: address.cluster, db: 0, ...access };
  }
  checkOptions('redis', address, ['sentinels', 'name', 'sentinelPassword', 'db', ...LOGIN]);
  const { sentinels, name, sentinelPassword, db = 0 } = address;
  checkNodes('redis.sentinels', sentinels);
  if (!name) throw new UsageError('redis.name is missing: what the Sentinels call the master');
  const credentials = () => ({ username, password, sentinelPassword });
  return { kind: 'sentinels', sentinels, name, db, ...access, credentials };
}

function checkNodes(option: string, nodes: unknown): void {
  const isNode = (node: unknown) =>
    isObject(node) && typeof node.host === 'string' && isPort(node.port);
  if (Array.isArray(nodes) && nodes.length > 0 && nodes.every(isNode)) return;
  throw new UsageError(`${option} must list at least one { host, port }`);
}

function isPort(port: unknown): boolean {
  return Number.isInteger(port) && Number(port) > 0 && Number(port) <= MAX_PORT;
}

/** @param option What the caller calls the URL. */
export function targetAtUrl(url: unknown, option: string, tls?: TlsOptions): RedisTarget {
  const { node, db, isTls, username, password } = parsed(url, option);
  if (tls && !isTls) throw new UsageError(`${option} must be rediss:// for redis.tls`);
  const credentials = () => ({ username, password });
  return { kind: 'single', node, db, credentials, tls: isTls ? sourceOf(tls ?? {}) : undefined };
}

function parsed(url: unknown, option: string) {
  try {
    return parseRedisUrl(String(url));
  } catch (error) {
    if (error instanceof TypeError) throw new UsageError(`${option} ${error.message}`);
    throw error;
  }
}

type Given = Redis | Cluster | RedisOptions;

/**
 * Whether it is a connection, and not the options of one. It may come from another copy of ioredis.
 * @throws UsageError for a client of another library, and for one that puts names before all keys.
 */
export function isConnection(given: Given): given is Redis | Cluster {
  const isOurs = 'duplicate' in given && 'status' in given && 'options' in given;
  if (!isOurs && ('sendCommand' in given || 'duplicate' in given)) {
    throw new UsageError('connection must be an ioredis Redis or Cluster, or options such as host');
  }
  const { keyPrefix } = isOurs ? given.options : (given as RedisOptions);
  if (keyPrefix) {
    throw new UsageError('connection has a keyPrefix, which BullMQ refuses; use prefix instead');
  }
  return isOurs;
}

export function isCluster(connection: Redis | Cluster): connection is Cluster {
  return connection.isCluster;
}

/**
 * Options of ioredis, and `url` as BullMQ takes it besides.
 * @throws UsageError for a host or a port that is none, and where nothing says where Redis is.
 */
export function optionsOfConnection({
  url,
  ...options
}: RedisOptions & { url?: unknown }): ConnectionOptions {
  const { host, port, path, sentinels } = options;
  // Without any, ioredis goes to a server on this machine, as where a variable is not set, or a name is misspelt.
  if ([url, host, port, path, sentinels].every((one) => one === undefined)) {
    throw new UsageError(
      'connection says nowhere where Redis is; give host and port, path or url, as BullMQ takes them',
    );
  }
  if (host !== undefined && (typeof host !== 'string' || host === '')) {
    throw new UsageError('connection.host must be a name or an address');
  }
  if (port !== undefined && !isPort(port)) {
    throw new UsageError(`connection.port must be a whole number from 1 to ${MAX_PORT}`);
  }
  return withTimeouts({ ...(url !== undefined && ofUrl(url)), ...options });
}

function ofUrl(url: unknown): RedisOptions {
  const { node, db, isTls, username, password } = parsed(url, 'connection.url');
  return {
    ...node,
    db,
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(isTls && { tls: {} }),
  };
}

/**
 * The Cluster that a connection of the caller belongs to. We open connections of our own to it: all
 * keys are in one slot, whose master alone tells the time and the settings that concern us.
 */
export function targetOfCluster(cluster: Cluster): RedisTarget {
  const { redisOptions = {}, natMap } = cluster.options;
  const { username, password, tls } = redisOptions;
  const named = Reflect.get(cluster, 'startupNodes') as ClusterNode[];
  const found = cluster.nodes().map(({ options }) => options);
  return {
    kind: 'cluster',
    nodes: [...named.map(nodeOf), ...found.map(nodeOf)],
    natMap: ({ host, port }) =>
      typeof natMap === 'function' ? natMap(`${host}:${port}`) : natMap?.[`${host}:${port}`],
    credentials: () => ({ username, password }),
    db: 0,
    tls: tls ? () => tls : undefined,
  };
}

/** With the defaults of ioredis. */
function nodeOf(node: ClusterNode): RedisNode {
  if (typeof node === 'string')
    return parseRedisUrl(node.includes('://') ? node : `redis://${node}`).node;
  const { host = '127.0.0.1', port = 6379 } = typeof node === 'number' ? { port: node } : node;
  return { host, port };
}

/** @throws UsageError for what is no certificate, which a connection would fail with for ever. */
function sourceOf(options: TlsOptions): TlsSource {
  try {
    createSecureContext(options);
  } catch {
    throw new UsageError('redis.tls holds something that is no certificate or key in PEM');
  }
  return () => options;
}
