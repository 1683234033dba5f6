/** A line of the log for a person who reads it on a terminal. Pure. */
import { escapeControls } from '../jobs/request/validation-issues.js';
import { isObject, parseJson } from '../json.js';

/** Pino's numbers. */
const LEVELS: Readonly<Record<number, string>> = {
  10: 'TRACE',
  20: 'DEBUG',
  30: 'INFO',
  40: 'WARN',
  50: 'ERROR',
  60: 'FATAL',
};
const LEVEL_WIDTH = 5;
const TIME_OF_DAY = { start: '2026-11-29T'.length, end: '2026-11-29T12:00:00.000'.length };
/** Values that need no quotes. */
const PLAIN = /^[\w.:/@-]+$/;

/** `12:00:00.123 INFO  worker started  concurrency=10`, and a stack below it. */
export function describeLogLine(json: string): string {
  const record = parseJson(json);
  if (!isObject(record)) return json;
  const { level, time, msg, service: _service, pid: _pid, errorStack, ...fields } = record;
  const at = new Date(Number(time)).toISOString().slice(TIME_OF_DAY.start, TIME_OF_DAY.end);
  const name = (LEVELS[Number(level)] ?? String(level)).padEnd(LEVEL_WIDTH);
  const pairs = Object.entries(fields).map(([key, value]) => `${key}=${describeValue(value)}`);
  const line = [`${at} ${name} ${escapeControls(String(msg))}`, ...pairs].join('  ');
  const stack = typeof errorStack === 'string' ? errorStack.split('\n') : [];
  return [line, ...stack.map((each) => `    ${escapeControls(each.trim())}`), ''].join('\n');
}

function describeValue(value: unknown): string {
  const text = typeof value === 'string' && PLAIN.test(value) ? value : JSON.stringify(value);
  return escapeControls(text);
}
