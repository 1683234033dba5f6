/** Structured logs: JSON lines on standard output, with ids, counts, times and codes only. */
import { type Level, pino } from 'pino';

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
