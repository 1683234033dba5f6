/** What Redis refuses: error replies, what they mean to a person, and what may be shown of them. */

/** Redis quotes the arguments of a command that it does not know, a password among them. */
const QUOTED_ARGUMENTS = /,? with args beginning with:[^\n]*/;

/** What each kind of refusal means, and what to do. The kind is the first word of the reply. */
const REMEDIES: Readonly<Record<string, string>> = {
  NOAUTH: 'it wants a password; put user and password into REDIS_URL',
  WRONGPASS: 'check user and password in REDIS_URL',
  NOPERM: 'give the user of REDIS_URL the permission that is missing',
  READONLY: 'it is a replica; point REDIS_URL to its master',
  OOM: 'it is full; raise its maxmemory, or free memory',
  MISCONF: 'it cannot write to its disk; mend that first',
  NOREPLICAS: 'it has too few replicas to take writes; bring them back',
  MOVED:
    'it is a node of a Cluster that does not hold our keys; point REDIS_URL to the one that does',
  CLUSTERDOWN: 'its Cluster is down; mend that first',
};

/** An answer of Redis itself, such as `OOM` or `NOPERM`. */
export type ReplyError = Error & { name: 'ReplyError' };

export function isReplyError(error: unknown): error is ReplyError {
  return error instanceof Error && error.name === 'ReplyError';
}

/** The message or the stack of an error, without the arguments of a command. */
export function withoutArguments(text: string): string {
  return text.replace(QUOTED_ARGUMENTS, '');
}

/** `refuses us: OOM command not allowed …; it is full; raise its maxmemory, or free memory`. */
export function describeRefusal(error: Error): string {
  const message = withoutArguments(error.message);
  // A script that Redis refuses names itself first: "-READONLY …" or "… script: …, OOM …".
  const kind = Object.keys(REMEDIES).find((word) => new RegExp(`\\b${word}\\b`).test(message));
  const remedy = kind === undefined ? '' : `; ${REMEDIES[kind]}`;
  return `refuses us: ${message}${remedy}`;
}

/**
 * An error with the name, code and message of another, and nothing else: errors of ioredis carry
 * the command that failed with its arguments, which are job data or a password.
 */
export function bareError(error: Error): Error {
  const message = withoutArguments(error.message);
  const bare = Object.assign(new Error(message), { name: error.name });
  bare.stack = `${error.name}: ${message}`;
  const code: unknown = Reflect.get(error, 'code');
  return typeof code === 'string' ? Object.assign(bare, { code }) : bare;
}
