/**
 * Blocks of the shell in the docs that show commands of ours, run as they are written: those for a clone here, those
 * for an app in one that has the package.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import { findRedisServer } from '../scripts/redis-binary.mjs';
import { parseApiTokens } from '../src/config/api-tokens.js';
import { codeBlocks } from './helpers/code-blocks.js';
import { linesShown, onTerminal } from './helpers/on-terminal.js';
import { type PlantedBatch, plant } from './helpers/planted-batches.js';
import { startSystem } from './helpers/system.js';
import { openTestQueues } from './helpers/test-queues.js';
import { unpackPackage } from './helpers/unpacked-package.js';
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
let app: string;
let removeApp = async (): Promise<void> => {};

beforeAll(async () => {
  ({ app, remove: removeApp } = await unpackPackage());
  await mkdir(join(app, 'scans/8841'), { recursive: true });
  await writeFile(join(app, 'scans/8841/pan.jpg'), 'scan');
  await writeFile(join(app, 'content.json'), '{ "pan.jpg": { "fields": { "name": "Asha Rao" } } }');
  await writeFile(join(app, 'package.json'), '{}');
});
afterAll(() => removeApp());

test.each(linesOf('docs/testing.md', 'npx atlas-batch'))(
  'in an app that has the package, this starts the simulator: %s',
  async (line) => {
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
  const [start = ''] = linesOf('docs/http-api.md', 'npx atlas-batch simulator --all');
  const line = start.replace('npx ', 'node_modules/.bin/');
  const child = spawn('bash', ['-c', `exec ${line} --json --server-port 0`], {
    cwd: app,
    // It starts a Redis of its own, which may be one that was unpacked into this clone.
    env: { PATH: `${dirname(findRedisServer() ?? '')}:${process.env.PATH}` },
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

const MINUTE_MS = 60_000;

/** Batches for each command of docs/commands.md. */
function batchesOfManyKinds(): PlantedBatch[] {
  const now = Date.now();
  const failed = (reference: string): PlantedBatch => ({
    ...{ reference, state: 'failed', code: 'ATLAS_AUTH', present: 1 },
    ...{ addedAt: now - 9 * MINUTE_MS, endedAt: now - 5 * MINUTE_MS },
  });
  const scan = { documentId: '001', bucket: 'kyc-documents', key: '8841/pan.jpg' };
  return [
    ...['loan-1', 'loan-2', 'loan-3'].map(failed),
    { ...failed('card-1'), productType: 'CREDIT_CARD' },
    { reference: 'loan-8841', state: 'processing', addedAt: now, documents: [scan] },
    {
      ...{ reference: 'loan-9', state: 'completed', tenant: 'branch-12' },
      ...{ addedAt: now - 9 * MINUTE_MS, endedAt: now - 5 * MINUTE_MS },
    },
  ];
}

test('the commands of docs/commands.md for many batches do what the page says', async () => {
  const { queues, url, prefix } = openTestQueues();
  await plant(queues, batchesOfManyKinds());
  const lines = linesOf('docs/commands.md', 'node dist/cli.js');
  expect(lines).toHaveLength(6);
  const script = join(app, `${prefix.slice(1, -1)}.sh`);
  await writeFile(script, lines.map((line) => `echo '# ${line}'\n${line}`).join('\n'));
  const child = spawn(...onTerminal(`bash -e ${script}`, 200), {
    // The package has all that a clone has for them.
    cwd: join(app, 'node_modules/atlas-batch'),
    env: { PATH: process.env.PATH, TERM: 'xterm', REDIS_URL: url, QUEUE_PREFIX: prefix },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let shown = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    // A question, which on a terminal is asked before anything is done to many.
    const asked = shown.split('[y/N]').length;
    shown += text;
    if (shown.split('[y/N]').length > asked) child.stdin.write('y\n');
  });
  expect(await once(child, 'close')).toEqual([0, null]);
  const outputs = linesShown(shown)
    .join('\n')
    .split(/^# .*$/m)
    .slice(1);
  const expected = [
    /^4 batches; searched 4 of 4\n[\s\S]*ATLAS_AUTH 4$/m,
    /^loan-8841 +processing /m,
    /^loan-8841 +processing /m,
    /^3 batches: 3 Atlas batches are read, at most 3 documents sent$/m,
    /^3 of 3 batches retried$/m,
    /^1 of 1 batch redelivered$/m,
  ];
  for (const [i, output] of outputs.entries())
    expect(output, lines[i]).toMatch(expected[i] ?? /$^/);
  expect(outputs).toHaveLength(expected.length);
});

test('the command that erases a batch does, and its certificate has the digest that the docs compute', async () => {
  const { environment, prefix, redis, s3 } = await startSystem();
  const { queues } = openTestQueues({ url: environment.REDIS_URL ?? '', prefix });
  const [digest = ''] = linesOf('docs/personal-data.md', 'sha256sum');
  const [, reference = '', addedAt] = / (\S+) (\d+) \|/.exec(digest) ?? [];
  await plant(queues, [{ reference, state: 'completed', addedAt: Number(addedAt) }]);
  s3.put('results', `${reference}/BATCH-${reference}.json`, '{}');
  const [line = ''] = linesOf('docs/personal-data.md', 'atlas-batch erase');
  const PATH = `${join(app, 'node_modules/.bin')}:${process.env.PATH}`;
  const said = await runLine(line, app, 'removed ', { ...environment, PATH });
  const [sum] = (await runLine(digest, app, '-\n')).split(' ');
  expect(said).toContain(`${reference} is erased.`);
  expect(said).toContain(`SHA-256     ${sum}\n`);
  expect(s3.list('results')).toEqual([]);
  expect(await redis.exists(queues.batches.toKey(`batch-${reference}`))).toBe(0);
});

test('the line of a token that the docs make is one that the server takes', async () => {
  const [line = ''] = linesOf('docs/http-api.md', 'atlas-batch token');
  const output = await runLine(line, app, 'loans-app:');
  const [token] = parseApiTokens(/^loans-app:.*$/m.exec(output)?.[0] ?? '');
  expect(token).toMatchObject({ name: 'loans-app', role: 'submit', tenant: 'loans' });
});
