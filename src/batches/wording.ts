/** Words about batches, for people: the command line and the pages say them alike. */
import type { Reason } from '../errors.js';

/** `1 worker`, `2 batches` */
export function plural(count: number, noun: string, nouns = `${noun}s`): string {
  return `${count.toLocaleString('en')} ${count === 1 ? noun : nouns}`;
}

export function describeReason({ code, message }: Reason): string {
  return `${code}: ${message}`;
}
