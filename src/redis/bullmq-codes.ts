/** Codes of the errors that BullMQ's scripts throw. */
const CODES = {
  'no such job': -1,
  /** The job is not in the state that the call asks for. */
  'not in that state': -3,
  /** A job with this id has another parent that is alive. */
  'held by another parent': -7,
} as const;

export function isBullmqError(error: unknown, ...kinds: (keyof typeof CODES)[]): boolean {
  const code: unknown = Reflect.get(Object(error), 'code');
  return kinds.some((kind) => CODES[kind] === code);
}
