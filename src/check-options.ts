/** What callers without types pass by mistake, said in a sentence before anything is done. */
import { UsageError } from './errors.js';
import { MAX_NAME_LENGTH, MAX_REASON_LENGTH } from './jobs/audit-record.js';
import { isObject } from './json.js';

/**
 * @returns The options, to be checked one by one.
 * @throws UsageError for what is no object, and for options that do not exist.
 */
export function checkOptions(
  of: string,
  options: unknown,
  known: readonly string[],
): Record<string, unknown> {
  if (!isObject(options)) {
    throw new UsageError(`${of} takes its options as an object, with ${known.join(', ')}`);
  }
  const unknown = Object.keys(options).filter((name) => !known.includes(name));
  if (unknown.length > 0) {
    throw new UsageError(`${of} has no option ${unknown.join(', ')}; it has ${known.join(', ')}`);
  }
  return options;
}

/** @throws UsageError for a signal that is given and none. */
export function checkSignal(signal: unknown): void {
  if (signal === undefined || (isObject(signal) && 'aborted' in signal)) return;
  throw new UsageError('signal must be an AbortSignal');
}

/** @throws UsageError for what is no text, such as the result of `enqueue` in the place of its reference. */
export function checkReference(of: string, reference: unknown): void {
  if (typeof reference === 'string') return;
  throw new UsageError(`${of} takes the reference of a batch, which is text`);
}

/** @throws UsageError for an option that is given and not of this type. */
export function checkType(name: string, value: unknown, type: 'function' | 'object' | 'string') {
  const isOfType = type === 'object' ? isObject(value) : typeof value === type;
  if (value === undefined || isOfType) return;
  throw new UsageError(`${name} must be ${type === 'object' ? 'an' : 'a'} ${type}`);
}

/** Blanks and what nobody sees. */
const SAYS_NOTHING = /^[\s\p{Cc}]*$/u;

/** @throws UsageError for a name of who makes changes that names nobody, or is longer than is written down. */
export function checkActor(name: string, actor: unknown): void {
  checkType(name, actor, 'string');
  if (typeof actor !== 'string') return;
  if (SAYS_NOTHING.test(actor))
    throw new UsageError(`${name} is empty: it names who makes the changes`);
  if (actor.length > MAX_NAME_LENGTH)
    throw new UsageError(`${name} has at most ${MAX_NAME_LENGTH} characters`);
}

/**
 * @returns What somebody gave as the reason of a change; undefined for what says nothing.
 * @throws UsageError for what is no text, or longer than is written down.
 */
export function readReason(name: string, reason: unknown): string | undefined {
  checkType(name, reason, 'string');
  if (typeof reason !== 'string' || SAYS_NOTHING.test(reason)) return undefined;
  const text = reason.trim();
  if (text.length > MAX_REASON_LENGTH)
    throw new UsageError(`${name} has at most ${MAX_REASON_LENGTH} characters`);
  return text;
}

/** More of one entry is not repeated. */
const SHOWN_LENGTH = 80;

/** The entries of a list that are wrong, all of them, as the end of a sentence. One with an `@` may hold a password. */
export function andNot(wrong: readonly string[]): string {
  const named = wrong.map((entry) =>
    entry.includes('@') ? 'one that is not shown' : JSON.stringify(entry.slice(0, SHOWN_LENGTH)),
  );
  return `, and not ${[...new Set(named)].join(', ')}`;
}
