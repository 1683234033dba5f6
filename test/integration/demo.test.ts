/** `npm run demo` in a clone that is prepared: what it shows a newcomer, and what it leaves. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { codeBlocks } from '../helpers/code-blocks.js';
import { linesShown, onTerminal } from '../helpers/on-terminal.js';
import { waitUntil } from '../helpers/wait-until.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const DEMO = `"${process.execPath}" --import tsx demo/demo.ts`;

function startDemo(program: string, args: readonly string[]) {
  const child = spawn(program, args, {
    cwd: ROOT,
    env: { PATH: process.env.PATH, TERM: 'xterm' },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = once(child, 'close');
  onTestFinished(async () => {
    // Its standard input is the terminal: the demo is told that it is gone, and cleans up.
    child.kill('SIGTERM');
    await ended;
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    output += text;
  });
  return { child, ended, output: () => output };
}

test.each([80, 120])(
  'on a terminal of %i columns the demo fits it, stays open with its dashboard, and leaves nothing that runs after Ctrl-C',
  async (columns) => {
    const { child, ended, output } = startDemo(...onTerminal(DEMO, columns));
    const found = (pattern: RegExp) => pattern.exec(linesShown(output()).join('\n'));
    const login = /^ {2}(http:\S+) +user (\S+), password (\S+)$/m;
    await waitUntil('the dashboard', () => found(login) ?? child.exitCode !== null);
    const lines = linesShown(output());
    expect(lines.filter((line) => line.length > columns)).toEqual([]);

    const [, url = '', user, password] = found(login) ?? [];
    const authorization = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
    const page = await fetch(url, { headers: { authorization } });
    expect([page.status, await page.text()]).toEqual([
      200,
      expect.stringContaining('1 failed · Batches'),
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
    await expect(once(connect(Number(port), '127.0.0.1'), 'connect')).rejects.toThrow(
      'ECONNREFUSED',
    );
    expect(() => process.kill(Number(pid), 0)).toThrow('ESRCH');
  },
);

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
    // Times differ, and on a machine that is busy a document may be sent twice.
    const [, sure = ''] = /^( *\S+ +\S+(?: [A-Z_]+)? +\d+\/\d+) /.exec(row) ?? [];
    expect(squeezed(output())).toContain(squeezed(sure));
  }
  expect(output()).toContain('npm run demo -- --open');
  expect(output()).not.toContain('password');
});
