/** Structured logs: JSON lines on standard output, with ids, counts, times and codes only. */
import { type Level, pino } from 'pino';
import { withoutArguments } from './errors.js';

/** What atlas-batch needs of a logger. One of pino's fits. */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export function createLogger(level: Level | 'silent'): Logger {
  return pino({ level, base: { service: 'atlas-batch', pid: process.pid } });
}

/**
 * What may be logged of an error. The object itself may not: errors of client libraries carry the
 * command or the request that failed, with everything in it.
 */
export function errorFields(error: unknown): { errorName: string; errorStack: string } {
  return error instanceof Error
    ? { errorName: error.name, errorStack: withoutArguments(error.stack ?? error.message) }
    : { errorName: 'unknown', errorStack: typeof error };
}
