/** `npm run demo` in a clone that is prepared: what it shows a newcomer, and what it leaves. */
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { codeBlocks } from '../helpers/code-blocks.js';
import { linesShown, onTerminal } from '../helpers/on-terminal.js';
import { DEMO, ROOT, startDemo } from '../helpers/start-demo.js';
import { waitUntil } from '../helpers/wait-until.js';

const COLUMNS = 80;

test('piped, the demo ends by itself, and shows what the README says', async () => {
  const { ended, output } = startDemo('bash', ['-c', `exec ${DEMO}`]);
  expect(await ended).toEqual([0, null]);
  expect(output()).not.toContain('\x1b');
  const [block] = codeBlocks('README.md').filter(({ code }) => code.startsWith('How they ended'));
  const [title = '', head = '', ...rows] = block?.code.trimEnd().split('\n') ?? [];
  // The widths of columns follow the times below them: 9.8 s, 10.0 s, 12 s.
  const squeezed = (text: string) => text.replace(/ +/g, ' ');
  expect(squeezed(output())).toContain(squeezed(`\n${title}\n${head}\n`));
  expect(rows.length).toBe(6);
  for (const row of rows) {
    // Times differ, and on a slow machine a document may be sent twice.
    const [, sure = ''] = /^( *\S+ +\S+(?: [A-Z_]+)? +\d+\/\d+) /.exec(row) ?? [];
    expect(squeezed(output())).toContain(squeezed(sure));
  }
  expect(output()).toContain('npm run demo -- --open');
  expect(output()).not.toContain('password');
});

test('on a terminal of 80 columns the demo fits it, stays open with its dashboard, and leaves nothing that runs after Ctrl-C', async () => {
  const { child, ended, output } = startDemo(...onTerminal(DEMO, COLUMNS));
  const found = (pattern: RegExp) => pattern.exec(linesShown(output()).join('\n'));
  const login = /^ {2}(http:\S+) +user (\S+), password (\S+)$/m;
  await waitUntil('the dashboard', () => found(login) ?? child.exitCode !== null);
  const lines = linesShown(output());
  expect(lines.filter((line) => line.length > COLUMNS)).toEqual([]);

  const [, url = '', user, password] = found(login) ?? [];
  const authorization = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
  const page = await fetch(url, { headers: { authorization } });
  // More than the one fail where the machine is so busy that documents come after the deadline of a demo.
  expect([page.status, await page.text()]).toEqual([
    200,
    expect.stringMatching(/\d failed · Batches/),
  ]);
  const [, again = ''] = found(/from a second shell:\n {4}(.*)/) ?? [];
  const { stdout } = await promisify(execFile)('bash', ['-c', `${again} || test $? = 1`], {
    cwd: ROOT,
  });
  expect(stdout).toMatch(/^loan-8844 {2}failed /);

  const [, port] = found(/^ {2}Redis +private, on port (\d+)$/m) ?? [];
  const [, pid] = found(/^ {2}worker .* process (\d+),/m) ?? [];
  child.stdin.write('\x03');
  expect(await ended).toEqual([0, null]);
  expect(
    linesShown(output())
      .slice(lines.length - 1)
      .join(''),
  ).toMatch(/^(\^C)?$/);
  await expect(once(connect(Number(port), '127.0.0.1'), 'connect')).rejects.toThrow('ECONNREFUSED');
  expect(() => process.kill(Number(pid), 0)).toThrow('ESRCH');
});

test.each(['SIGTERM', 'SIGKILL'] as const)(
  'nothing of the demo runs on when npm gets %s',
  async (name) => {
    const { child, output } = startDemo('npm', ['run', '-s', 'demo', '--', '--open']);
    const found = (pattern: RegExp) => pattern.exec(output());
    const worker = /^ {2}worker .* process (\d+),/m;
    await waitUntil('the worker', () => found(worker) ?? child.exitCode !== null);
    const [, port] = found(/^ {2}Redis +private, on port (\d+)$/m) ?? [];
    const [, pid] = found(worker) ?? [];
    child.kill(name);
    await waitUntil('the end of the worker', () => !isRunning(Number(pid)));
    await waitUntil('the end of Redis', async () => {
      const reached = once(connect(Number(port), '127.0.0.1'), 'connect');
      return reached.then(
        () => false,
        () => true,
      );
    });
  },
);

test('an option that the demo does not have is said in a sentence', async () => {
  const { ended, output } = startDemo('bash', ['-c', `${DEMO} --opne 2>&1`]);
  expect(await ended).toEqual([2, null]);
  expect(output()).toMatch(/^the demo has one option, --open: .*\n$/);
});

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
