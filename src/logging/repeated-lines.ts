/**
 * Log lines of what happens again and again while something is down: the first at once, then one
 * every ten seconds with how often it came meanwhile.
 */
import { errorFields } from '../errors.js';
import type { Logger } from '../logging.js';

/** Soon enough for somebody who watches, and an outage of an hour is 360 lines. */
const INTERVAL_MS = 10_000;
/** Ids, counts and objects differ from line to line: lines that differ in nothing else are equal. */
const WORD = /\S+/g;
const DIGIT = /\d/;
const OBJECT = /s3:\/\/.+/;

/**
 * Logs a warning, perhaps about an error, unless an equal one was logged lately.
 * @param kind What equal messages have in common. Default: the message.
 */
export type WarnOfError = (error: unknown, message: string, kind?: string) => void;

/** What messages of one kind have in common. */
export function kindOf(message: string): string {
  return message.replace(WORD, (word) => (DIGIT.test(word) ? '#' : word.replace(OBJECT, '#')));
}

export function createRepeatedWarnings(logger: Pick<Logger, 'warn'>): WarnOfError {
  /** How often each line came since it was logged. */
  const held = new Map<string, number>();
  return function warn(error, message, kind = message) {
    const fields = error === undefined ? {} : errorFields(error);
    const detail = error instanceof Error ? `${error.name}: ${error.message}` : '';
    const line = `${kind} ${kindOf(detail)}`;
    const count = held.get(line);
    if (count !== undefined) {
      held.set(line, count + 1);
      return;
    }
    logger.warn(fields, message);
    held.set(line, 0);
    const flush = () => {
      const repeated = held.get(line) ?? 0;
      if (repeated === 0) {
        held.delete(line);
        return;
      }
      logger.warn({ ...fields, repeated }, `${message} (${repeated} times more)`);
      held.set(line, 0);
      setTimeout(flush, INTERVAL_MS).unref();
    };
    setTimeout(flush, INTERVAL_MS).unref();
  };
}
