/**
 * Structured logs on standard output, with ids, counts, times and codes only: JSON lines, and on a
 * terminal lines for people.
 */
import { type Level, pino } from 'pino';
import { describeLogLine } from './logging/log-lines.js';

/** What atlas-batch needs of a logger. One of pino's fits. */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export function createLogger(level: Level | 'silent'): Logger {
  const options = { level, base: { service: 'atlas-batch', pid: process.pid } };
  if (!process.stdout.isTTY) return pino(options);
  return pino(options, { write: (json) => void process.stdout.write(describeLogLine(json)) });
}
