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

test('the quick start of the HTTP API works as it is written', async () => {
  const app = await startApp();
  const [start = ''] = linesOf('docs/http-api.md', 'npx atlas-batch simulator --all');
  const line = start.replace('npx ', 'node_modules/.bin/');
  const child = spawn('bash', ['-c', `exec ${line} --json --server-port 0`], {
    cwd: app,
    env: { PATH: process.env.PATH },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  onTestFinished(async () => {
    child.kill('SIGTERM');
    await ended;
  });
  const [printed] = await once(child.stdout.setEncoding('utf8'), 'data');
  const environment: Record<string, string> = JSON.parse(printed);
  const server = environment.ATLAS_BATCH_URL ?? '';
  const control = (method: string, path: string, body: string) =>
    fetch(`${server}/__simulator/${path}`, { method, body });
  const content = '{ "pan.jpg": { "fields": { "name": "Asha Rao" } } }';
  expect((await control('PUT', 'documents', content)).status).toBe(204);
  const unknown = await control('PUT', 'faults', '{"atlas":{"rules":[{"fault":"none"}]}}');
  expect([unknown.status, await unknown.text()]).toEqual([
    400,
    expect.stringContaining('there is no fault \\"none\\"'),
  ]);
  const once503 = '{"atlas":{"rules":[{"fault":503,"times":1,"endpoint":"multiupload"}]}}';
  expect((await control('PUT', 'faults', once503)).status).toBe(204);

  const [add = '', wait = '', results = ''] = linesOf('docs/http-api.md', '/loan-8841');
  const run = (command: string, says: string) => runLine(command, app, says, environment);
  expect(JSON.parse(await run(add, '}'))).toEqual({ status: 'added', reference: 'loan-8841' });
  expect(JSON.parse(await run(wait, '"polls":'))).toMatchObject({ state: 'completed' });
  expect(await run(results, '\n')).toContain('"name":{"value":"Asha Rao"');

  await writeFile(join(app, 'batches.jsonl'), `{"reference":"x"}\n`);
  const [bulk = ''] = linesOf('docs/http-api.md', '--data-binary');
  expect(await run(bulk, '\n')).toContain('"status":"invalid"');
  const { requests } = (await (await fetch(`${server}/__simulator/requests`)).json()) as {
    requests: { endpoint: string; status: number }[];
  };
  const uploads = requests.filter(({ endpoint }) => endpoint === 'multiupload');
  expect(uploads.map(({ status }) => status)).toEqual([503, 200]);
});
