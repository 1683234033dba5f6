/** Blocks of the shell in the docs that show commands of ours, run as they are written. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { CLI } from './cli/run-cli.js';
import { codeBlocks } from './helpers/code-blocks.js';
import { startSystem } from './helpers/system.js';
import { waitUntil } from './helpers/wait-until.js';

vi.setConfig({ testTimeout: 60_000 });

/** The lines of the shell of a page that hold a text. */
function linesOf(page: string, text: string): string[] {
  return codeBlocks(page)
    .filter(({ language }) => language === 'sh')
    .flatMap(({ code }) => code.split('\n'))
    .filter((line) => line.includes(text));
}

/** Runs a line until it has said something, or to its end. */
async function runLine(line: string, cwd: string, says: string, environment = {}) {
  const child = spawn('bash', ['-c', line], {
    cwd,
    env: { PATH: process.env.PATH, HOME: cwd, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
    // npx and its shell stand between: all of them are stopped.
    detached: true,
  });
  const closed = once(child, 'close');
  const stop = () => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGTERM');
    } catch {
      // It has ended by itself.
    }
  };
  onTestFinished(stop);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      output += text;
    });
  }
  await waitUntil(`what it says: ${says}`, () => output.includes(says) || child.exitCode !== null);
  stop();
  await closed;
  return output;
}

/** An app that has the package installed, with scans and what they hold. */
async function startApp(): Promise<string> {
  const app = await mkdtemp(join(tmpdir(), 'docs-shell-'));
  onTestFinished(() => rm(app, { recursive: true }));
  await mkdir(join(app, 'node_modules/.bin'), { recursive: true });
  await symlink(CLI, join(app, 'node_modules/.bin/atlas-batch'));
  await mkdir(join(app, 'scans/8841'), { recursive: true });
  await writeFile(join(app, 'scans/8841/pan.jpg'), 'scan');
  await writeFile(join(app, 'content.json'), '{ "pan.jpg": { "fields": { "name": "Asha Rao" } } }');
  await writeFile(join(app, 'package.json'), '{}');
  return app;
}

test.each(linesOf('docs/testing.md', 'npx atlas-batch'))(
  'in an app that has the package, this starts the simulator: %s',
  async (line) => {
    const app = await startApp();
    expect(await runLine(line, app, 'S3_FORCE_PATH_STYLE')).toContain(
      "export ATLAS_BASE_URL='http",
    );
  },
);

test.each([
  ['doctor', /^ok {4}Atlas .* gives a token$/m, 'clock'],
  ['worker', /worker started/, 'worker started'],
])(
  'the block of the README that runs it from a clone works: %s',
  async (command, expected, says) => {
    const { environment } = await startSystem();
    const [line = ''] = linesOf('README.md', `node dist/cli.js ${command}`);
    expect(await runLine(line, '.', says, environment)).toMatch(expected);
  },
);

test('the secret of a webhook that the docs make is one', async () => {
  const [line = ''] = linesOf('docs/webhooks.md', 'openssl');
  expect(await runLine(line, '.', '\n')).toMatch(/^whsec_[\w+/]{43}=\n$/);
});
