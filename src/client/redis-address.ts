/** Where the Redis of a client is, as upstream apps say it. */
import { type ConnectionOptions, createSecureContext } from 'node:tls';
import type { Cluster, ClusterNode } from 'ioredis';
import { UsageError } from '../errors.js';
import { parseRedisUrl, type RedisNode, type RedisTarget } from '../redis/target.js';
import type { TlsSource } from '../redis/tls.js';

/** How to log in to the servers behind Sentinels, or to the nodes of a Cluster. */
export interface RedisLogin {
  /** Default: the default user of Redis. */
  username?: string | undefined;
  /** Default: none. */
  password?: string | undefined;
  /** `true`, or options of Node, such as `ca`, `cert` and `key` as PEM text. */
  tls?: boolean | ConnectionOptions | undefined;
}

/** One server, Sentinels and the name that they know the master by, or nodes of a Cluster. */
export type RedisAddress =
  | {
      /** Such as `redis://127.0.0.1:6379`, or `rediss:` for TLS. */
      url: string;
      /** Options of Node for `rediss:`, such as `ca`, `cert` and `key` as PEM text. */
      tls?: ConnectionOptions | undefined;
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

/** @throws UsageError when it is no address. */
export function targetAt(address: RedisAddress): RedisTarget {
  if ('url' in address) return targetAtUrl(address.url, 'redis.url', address.tls);
  const { username, password, tls } = address;
  const access = {
    credentials: () => ({ username, password }),
    tls: tls ? sourceOf(tls === true ? {} : tls) : undefined,
  };
  if ('cluster' in address) {
    if (address.cluster.length === 0) throw new UsageError('redis.cluster names no node');
    return { kind: 'cluster', nodes: address.cluster, db: 0, ...access };
  }
  const { sentinels, name, sentinelPassword, db = 0 } = address;
  if (sentinels.length === 0) throw new UsageError('redis.sentinels names no Sentinel');
  if (!name) throw new UsageError('redis.name is missing: what the Sentinels call the master');
  const credentials = () => ({ username, password, sentinelPassword });
  return { kind: 'sentinels', sentinels, name, db, ...access, credentials };
}

/** @param option What the caller calls the URL. */
export function targetAtUrl(url: unknown, option: string, tls?: ConnectionOptions): RedisTarget {
  try {
    const { node, db, isTls, username, password } = parseRedisUrl(String(url ?? ''));
    if (tls && !isTls) throw new TypeError('must be rediss:// for redis.tls');
    const credentials = () => ({ username, password });
    return { kind: 'single', node, db, credentials, tls: isTls ? sourceOf(tls ?? {}) : undefined };
  } catch (error) {
    if (error instanceof TypeError) throw new UsageError(`${option} ${error.message}`);
    throw error;
  }
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
function sourceOf(options: ConnectionOptions): TlsSource {
  try {
    createSecureContext(options);
  } catch {
    throw new UsageError('redis.tls holds something that is no certificate or key in PEM');
  }
  return () => options;
}
