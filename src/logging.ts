/** Structured logs: JSON lines on standard output, with ids, counts, times and codes only. */
import { type Level, pino } from 'pino';
import { withoutArguments } from './errors.js';

type Write = (fields: object, message: string) => void;

/** What atlas-batch needs of a logger; pino's fits, and so does a child of yours. */
export interface Logger {
  debug: Write;
  info: Write;
  warn: Write;
  error: Write;
}

export function createLogger(level: Level | 'silent'): Logger {
  return pino({ level, base: { service: 'atlas-batch', pid: process.pid } });
}

/**
 * What may be logged of an error. Never the object itself: errors of clients carry the command
 * or the request that failed, and with it whatever travelled there.
 */
export function errorFields(error: unknown): { errorName: string; errorStack: string } {
  return error instanceof Error
    ? { errorName: error.name, errorStack: withoutArguments(error.stack ?? error.message) }
    : { errorName: 'unknown', errorStack: typeof error };
}
