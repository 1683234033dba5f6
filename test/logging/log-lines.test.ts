import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, onTestFinished, test } from 'vitest';
import { describeLogLine } from '../../src/logging/log-lines.js';
import { onTerminal } from '../helpers/on-terminal.js';
import { waitUntil } from '../helpers/wait-until.js';

const TIME = Date.parse('2026-11-29T12:00:00.123Z');
const line = (fields: object) =>
  describeLogLine(
    JSON.stringify({ level: 30, time: TIME, service: 'atlas-batch', pid: 1, ...fields }),
  );

test('a line of the log for people has time, level, message and fields', () => {
  expect(
    line({ msg: 'batch ended', reference: 'loan-1', ms: 12, code: null, note: 'two words' }),
  ).toBe('12:00:00.123 INFO  batch ended  reference=loan-1  ms=12  code=null  note="two words"\n');
});

test('a stack stands below its line, and nothing moves the cursor', () => {
  expect(line({ level: 50, msg: 'no\u001b[2J', errorStack: 'Error: x\n    at a' })).toBe(
    '12:00:00.123 ERROR no\\u{1b}[2J\n    Error: x\n    at a\n',
  );
});

/** What a worker without its Redis logs, on a terminal or in a pipe. */
async function logOf(terminal: boolean): Promise<string> {
  const command = `"${process.execPath}" dist/cli.js worker`;
  const [program, args] = terminal ? onTerminal(command) : ['sh', ['-c', `exec ${command}`]];
  const child = spawn(program, args, {
    env: {
      PATH: process.env.PATH,
      REDIS_URL: 'redis://user:canary-secret@127.0.0.1:1',
      ATLAS_BASE_URL: 'http://127.0.0.1:1',
      ATLAS_CLIENT_ID: 'id',
      ATLAS_CLIENT_SECRET: 'secret',
      RESULTS_BUCKET: 'results',
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let output = '';
  child.stdout?.setEncoding('utf8').on('data', (text) => {
    output += text;
  });
  await waitUntil('a line of the log', () => output.includes('does not answer'));
  child.kill('SIGTERM');
  await once(child, 'close');
  return output;
}

test('logs are for people on a terminal and JSON in a pipe, and name the Redis that is down', async () => {
  const shown = await logOf(true);
  expect(shown).toMatch(
    /^[\d:.]{12} WARN {2}Redis at 127\.0\.0\.1:1 does not answer \(ECONNREFUSED\)/m,
  );
  const piped = await logOf(false);
  const [first = ''] = piped.split('\n');
  expect(JSON.parse(first)).toMatchObject({ level: expect.any(Number), service: 'atlas-batch' });
  expect(piped).toContain('Redis at 127.0.0.1:1 does not answer');
  expect(shown + piped).not.toContain('canary');
});
