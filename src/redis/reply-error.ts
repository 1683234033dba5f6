/** The error replies of Redis, and what an operator can do about them. */
import type { Redis } from 'ioredis';
import { errorCode, RedisUnavailableError, withoutArguments } from '../errors.js';
import { type ConnectionOptions, RedisConnection } from './connection/connection.js';
import { tlsRemedy } from './connection/tls.js';

const ALL_PERMISSIONS =
  'give the user of REDIS_URL all permissions that docs/redis.md lists; atlas-batch doctor names what is missing';

/** What each kind of refusal means, and what to do. The kind is a part of the reply, its first word most often. */
const REMEDIES: Readonly<Record<string, string>> = {
  'Sentinel says NOAUTH': 'it wants a password of its own; set REDIS_SENTINEL_PASSWORD',
  'Sentinel says WRONGPASS': 'check REDIS_SENTINEL_PASSWORD',
  'Sentinel says NOPERM': 'let the default user of the Sentinels run SENTINEL',
  'Sentinel says ERR unknown command': 'it is no Sentinel; correct REDIS_SENTINELS',
  'No such master': 'correct REDIS_SENTINEL_NAME',
  'DB index': 'correct the number of the database in REDIS_URL',
  'max number of clients': 'raise its maxclients, or run fewer processes',
  NOAUTH: 'it wants a password; put user and password into REDIS_URL',
  WRONGPASS: 'check user and password in REDIS_URL',
  NOPERM: 'give the user of REDIS_URL the permission that is missing',
  // What a script may not run; its name is only in some versions' replies.
  "can't run this command": ALL_PERMISSIONS,
  'ACL failure in script': ALL_PERMISSIONS,
  READONLY: 'it is a replica; point REDIS_URL to its master',
  MASTERDOWN: 'it is a replica that has lost its master; point REDIS_URL to the master',
  OOM: 'it is full; raise its maxmemory, or free memory',
  MISCONF: 'it cannot write to its disk; mend that first',
  NOREPLICAS: 'it has too few replicas to take writes; bring them back',
  MOVED: 'it is a node of a Cluster that does not hold our keys; set REDIS_CLUSTER=true',
  'cluster support disabled': 'it belongs to no Cluster; unset REDIS_CLUSTER',
  BUSY: 'a script of somebody takes long there; wait for its end, or end it by SCRIPT KILL',
  CLUSTERDOWN: 'its Cluster is down; mend that first',
  WRONGTYPE: 'somebody else uses keys of QUEUE_PREFIX; set it to one that is ours alone',
};

const NOT_THE_MASTER = 'the Sentinels name a replica as master; a failover may be under way';
/** The same where more than one server may serve. */
const REMEDIES_BY_TOPOLOGY: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  sentinels: { READONLY: NOT_THE_MASTER, MASTERDOWN: NOT_THE_MASTER },
  cluster: {
    MOVED: 'another node holds our keys now; their slot may be moving',
    READONLY: 'it is a replica; a failover may be under way',
  },
};

function remedyFor(kind: string, redis?: Redis): string {
  const { topology = '' } = (redis?.options ?? {}) as ConnectionOptions;
  return REMEDIES_BY_TOPOLOGY[topology]?.[kind] ?? REMEDIES[kind] ?? '';
}

/** An error that Redis itself replied, such as `OOM` or `NOPERM`. */
export type ReplyError = Error & { name: 'ReplyError' };

export function isReplyError(error: unknown): error is ReplyError {
  return error instanceof Error && error.name === 'ReplyError';
}

/** Whether Redis was reached and refuses us: by a reply, or in the TLS handshake. */
export function isRefusal(error: unknown): error is Error {
  return isReplyError(error) || tlsRemedy(error) !== undefined;
}

/** Of the failures of several servers: they refuse us only when all of them do. */
export function mostHopeful(failures: readonly Error[]): Error | undefined {
  return failures.find((error) => !isReplyError(error)) ?? failures[0];
}

/** What a Redis that is there may say to each write for a while. */
const WRITES_REFUSED = /\b(OOM|MISCONF|NOREPLICAS|READONLY|BUSY)\b/;

/**
 * `OOM; it is full; …`, for the error of a write that Redis refuses for now; else null.
 * @param redis The connection, which says what else may be wrong.
 */
export function writeRefusal(error: unknown, redis?: Redis): string | null {
  const [kind] = (isReplyError(error) && WRITES_REFUSED.exec(firstRefusal(error))) || [];
  return kind === undefined ? null : `${kind}; ${remedyFor(kind, redis)}`;
}

/** Whether a server that refuses writes takes them again by itself, or by the hand of who runs it. */
export function refusesForNow(error: unknown): boolean {
  const refusal = writeRefusal(error);
  return refusal !== null && !refusal.startsWith('READONLY');
}

/** Of a transaction the first refused command says why. */
function firstRefusal(error: Error): string {
  const { previousErrors = [] } = error as Error & { previousErrors?: Error[] };
  return withoutArguments((previousErrors[0] ?? error).message);
}

/** `refuses us: OOM command not allowed …; it is full; raise its maxmemory, or free memory`. */
export function describeRefusal(error: Error, redis?: Redis): string {
  const remedyOfTls = tlsRemedy(error);
  if (remedyOfTls) return `refuses us: ${errorCode(error)}; ${remedyOfTls}`;
  const message = firstRefusal(error);
  // A script that Redis refuses names itself first: "-READONLY …" or "… script: …, OOM …".
  const kind = Object.keys(REMEDIES).find((word) => new RegExp(`\\b${word}\\b`).test(message));
  return kind === undefined
    ? `refuses us: ${message}`
    : `refuses us: ${message.replace(/\.$/, '')}; ${remedyFor(kind, redis)}`;
}

/** Where a connection goes, for messages: never with user or password. */
export function redisAddress({ options }: Redis): string {
  const { sentinels, name } = options;
  if (sentinels) {
    const addresses = sentinels.map(({ host, port }) => `${host}:${port}`);
    return `the master ${name} of the Sentinels ${addresses.join(', ')}`;
  }
  return `${options.host ?? 'localhost'}:${options.port ?? ''}`;
}

/** What to log about an error of a connection. It says all: a stack would help nobody to mend it. */
export function complaintOf(redis: Redis, error: Error): string {
  return unavailable(redis, error).message;
}

/** What a caller gets of an error of Redis or of its connection, or of a silence, which has none. */
export function unavailable(redis: Redis, error: Error | undefined): RedisUnavailableError {
  if (error && isRefusal(error)) return refusalOf(redis, error);
  const text = `Redis at ${redisAddress(redis)} ${describeAbsence(redis, error)}`;
  return new RedisUnavailableError(text, { cause: error });
}

/** `does not answer (ECONNRESET); if …`: what may be wrong with a Redis that says nothing. */
function describeAbsence({ options }: Redis, error: Error | undefined): string {
  const why = error && (errorCode(error) ?? withoutArguments(error.message));
  const kindOfAddress = options.sentinels ? 'sentinels' : 'url';
  // ioredis asks for a report.
  if (why?.startsWith('Unknown RESP type'))
    return `speaks another protocol; ${NO_REDIS[kindOfAddress]}`;
  const isCut = why === 'ECONNRESET' || why === 'EPIPE';
  // The last is what a Sentinel or a node of a Cluster was waited for, that says where the master is.
  const isSilent = why === undefined || why === 'ETIMEDOUT' || why === 'Command timed out';
  const tls = TLS[kindOfAddress];
  let hint = '';
  if (options.tls && isCut) hint = CUT_WITH_TLS;
  else if (options.tls && isSilent) hint = `; if it speaks no TLS, ${tls.off}`;
  else if (isCut)
    hint = `; if it wants TLS, ${tls.on}; if its maxclients is reached, raise it; if no Redis is there, ${NO_REDIS[kindOfAddress]}`;
  return `does not answer${why === undefined ? '' : ` (${why})`}${hint}`;
}

/** A server that wants a certificate cuts the connection, and its reason may be lost with it. */
const CUT_WITH_TLS =
  '; if it wants a client certificate, set REDIS_TLS_CERT_FILE and REDIS_TLS_KEY_FILE';
const TLS = {
  url: { on: 'use rediss:// in REDIS_URL', off: 'use redis:// in REDIS_URL' },
  /** Either of both says it. */
  sentinels: {
    on: 'set REDIS_TLS_CA_FILE, or rediss:// in REDIS_URL',
    off: 'unset REDIS_TLS_…_FILE, or use redis:// in REDIS_URL',
  },
};
const NO_REDIS = { url: 'correct REDIS_URL', sentinels: 'correct REDIS_SENTINELS' };

/** The error of a Redis that was reached and does not do what it was asked. */
export function refusalOf(redis: Redis, error: Error): RedisUnavailableError {
  const why = refusalOfSentinel(redis, error) ?? refusalOfKeys(redis, error);
  const text = `Redis at ${redisAddress(redis)} ${why ?? describeRefusal(error, redis)}`;
  return new RedisUnavailableError(text, { cause: error });
}

function refusalOfSentinel(redis: Redis, error: Error): string | undefined {
  const isSentinel = redis instanceof RedisConnection && redis.isToSentinel;
  if (!isSentinel || !error.message.startsWith('ERR unknown command')) return undefined;
  return `is a Sentinel, which keeps no data; set REDIS_SENTINELS=${redisAddress(redis)} and REDIS_SENTINEL_NAME in place of the host in REDIS_URL`;
}

function refusalOfKeys({ options }: Redis, error: Error): string | undefined {
  const message = firstRefusal(error);
  if (!isRefusedKey(message)) return undefined;
  // A connection that somebody else opened does not know it.
  const { queuePrefix: prefix } = options as ConnectionOptions;
  const ours = prefix === undefined ? 'QUEUE_PREFIX' : `QUEUE_PREFIX, which is ${prefix}`;
  return `refuses us: ${message.replace(/\.$/, '')}; its user may not use the keys of ${ours}: give the user of REDIS_URL ${keyPatternOf(prefix ?? '<QUEUE_PREFIX>')}, or set QUEUE_PREFIX to what its keys may begin with`;
}

/** Whether Redis refuses a command to the user of the connection, whatever its keys. */
export function isRefusedCommand(error: Error): boolean {
  const message = firstRefusal(error);
  return message.startsWith('NOPERM') && !isRefusedKey(message);
}

/** Whether a user may run a command, and not on these keys. */
export function isRefusedKey(message: string): boolean {
  return /^NOPERM .*\bkeys?\b/.test(message);
}

/** The rule of an ACL for all keys of ours. Redis takes `[]?*\` in it for wildcards. */
export function keyPatternOf(prefix: string): string {
  return `~${prefix.replace(/[[\]?*\\]/g, '\\$&')}:*`;
}
