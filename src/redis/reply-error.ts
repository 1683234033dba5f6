/** The error replies of Redis, and what an operator can do about them. */
import type { Redis } from 'ioredis';
import { errorCode, RedisUnavailableError, withoutArguments } from '../errors.js';
import { tlsRemedy } from './tls.js';

/** What each kind of refusal means, and what to do. The kind is the first word of the reply. */
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
  READONLY: 'it is a replica; point REDIS_URL to its master',
  MASTERDOWN: 'it is a replica that has lost its master; point REDIS_URL to the master',
  OOM: 'it is full; raise its maxmemory, or free memory',
  MISCONF: 'it cannot write to its disk; mend that first',
  NOREPLICAS: 'it has too few replicas to take writes; bring them back',
  MOVED: 'it is a node of a Cluster that does not hold our keys; set REDIS_CLUSTER=true',
  'cluster support disabled': 'it belongs to no Cluster; unset REDIS_CLUSTER',
  BUSY: 'a script of somebody takes long there; wait for its end, or end it by SCRIPT KILL',
  CLUSTERDOWN: 'its Cluster is down; mend that first',
};

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

/** `OOM; it is full; …`, for the error of a write that Redis refuses for now; else null. */
export function writeRefusal(error: unknown): string | null {
  const [kind] = (isReplyError(error) && WRITES_REFUSED.exec(firstRefusal(error))) || [];
  return kind === undefined ? null : `${kind}; ${REMEDIES[kind]}`;
}

/** Of a transaction the first refused command says why. */
function firstRefusal(error: Error): string {
  const { previousErrors = [] } = error as Error & { previousErrors?: Error[] };
  return withoutArguments((previousErrors[0] ?? error).message);
}

/** `refuses us: OOM command not allowed …; it is full; raise its maxmemory, or free memory`. */
export function describeRefusal(error: Error): string {
  const remedyOfTls = tlsRemedy(error);
  if (remedyOfTls) return `refuses us: ${errorCode(error)}; ${remedyOfTls}`;
  const message = firstRefusal(error);
  // A script that Redis refuses names itself first: "-READONLY …" or "… script: …, OOM …".
  const kind = Object.keys(REMEDIES).find((word) => new RegExp(`\\b${word}\\b`).test(message));
  return kind === undefined
    ? `refuses us: ${message}`
    : `refuses us: ${message.replace(/\.$/, '')}; ${REMEDIES[kind]}`;
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

/** What to log about an error of a connection, beside the error itself. */
export function complaintOf(redis: Redis, error: Error): string {
  return isRefusal(error)
    ? refusalOf(redis, error).message
    : `Redis at ${redisAddress(redis)} ${describeAbsence(redis, error)}`;
}

/** `does not answer (ECONNRESET); if …`: what may be wrong with a Redis that says nothing. */
export function describeAbsence({ options }: Redis, error: Error | undefined): string {
  const why = error && (errorCode(error) ?? withoutArguments(error.message));
  // ioredis asks for a report.
  if (why?.startsWith('Unknown RESP type')) return 'speaks another protocol; correct REDIS_URL';
  const isCut = why === 'ECONNRESET' || why === 'EPIPE';
  // The last is what a Sentinel or a node of a Cluster was waited for, that says where the master is.
  const isSilent = why === undefined || why === 'ETIMEDOUT' || why === 'Command timed out';
  const tls = options.sentinels ? TLS_OF_SENTINELS : TLS_OF_URL;
  let hint = '';
  if (options.tls && isCut) hint = CUT_WITH_TLS;
  else if (options.tls && isSilent) hint = `; if it speaks no TLS, ${tls.off}`;
  else if (isCut) hint = `; if it wants TLS, ${tls.on}; if its maxclients is reached, raise it`;
  return `does not answer${why === undefined ? '' : ` (${why})`}${hint}`;
}

/** A server that wants a certificate cuts the connection, and its reason may be lost with it. */
const CUT_WITH_TLS =
  '; if it wants a client certificate, set REDIS_TLS_CERT_FILE and REDIS_TLS_KEY_FILE';
const TLS_OF_URL = { on: 'use rediss:// in REDIS_URL', off: 'use redis:// in REDIS_URL' };
/** Either of both says it. */
const TLS_OF_SENTINELS = {
  on: 'set REDIS_TLS_CA_FILE, or rediss:// in REDIS_URL',
  off: 'unset REDIS_TLS_…_FILE, or use redis:// in REDIS_URL',
};

/** The error of a Redis that was reached and does not do what it was asked. */
export function refusalOf(redis: Redis, error: Error): RedisUnavailableError {
  return new RedisUnavailableError(`Redis at ${redisAddress(redis)} ${describeRefusal(error)}`, {
    cause: error,
  });
}
