import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { randomPort } from '../../scripts/free-port.js';
import { startSystem } from '../helpers/system.js';
import { waitUntil } from '../helpers/wait-until.js';
import { spawnWorker } from '../helpers/worker-process.js';
import { runCli, spawnCli } from './run-cli.js';
import { runCommand } from './run-command.js';

vi.setConfig({ testTimeout: 60_000 });

const NO_STACK = /^\s+at /m;

async function takenPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return Object(server.address()).port;
}

async function folderWith(files: Record<string, string>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'scans-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  for (const [path, content] of Object.entries(files)) {
    await mkdir(join(folder, path, '..'), { recursive: true });
    await writeFile(join(folder, path), content);
  }
  return folder;
}

/** A simulator that runs until the end of the test, and the variables that it prints. */
async function startSimulator(...args: string[]) {
  const child = spawnCli(['simulator', '--json', ...args]);
  let stderr = '';
  child.stderr?.setEncoding('utf8').on('data', (text) => {
    stderr += text;
  });
  const [line] = await once(child.stdout?.setEncoding('utf8') ?? child, 'data');
  const environment: Record<string, string> = JSON.parse(String(line));
  return { child, environment, stderr: () => stderr };
}

test('the simulator says in a sentence that a port is taken, and exits with 2', async () => {
  const port = await takenPort();
  for (const option of ['--port', '--s3-port']) {
    expect(await runCli(['simulator', option, String(port)])).toEqual({
      code: 2,
      stdout: '',
      stderr: `port ${port} is taken; set --port and --s3-port to a free one\n`,
    });
  }
});

test('the simulator with a worker and a server says which Redis it cannot reach, and ends', async () => {
  const REDIS_URL = `redis://:canary@127.0.0.1:${randomPort()}`;
  const { code, stdout, stderr } = await runCli(['simulator', '--all', '--server-port', '0'], {
    REDIS_URL,
  });
  expect(stderr).toContain(new URL(REDIS_URL).host);
  expect(stderr).not.toMatch(/canary|^\s+at /m);
  expect([code, stdout]).toEqual([1, '']);
});

test.each([
  { args: ['--port', '99999'], says: /The last port is 65535/ },
  { args: ['--s3-port', '65536'], says: /The last port is 65535/ },
  { args: ['--host', '192.0.2.1'], says: /^192\.0\.2\.1 is no address of this host; set --host/ },
  {
    args: ['--host', 'no-such-host.invalid'],
    says: /^no-such-host\.invalid has no address; set --host/,
  },
])('the simulator refuses $args in a sentence, and exits with 2', async ({ args, says }) => {
  const { code, stdout, stderr } = await runCommand(['simulator', ...args]);
  expect([code, stdout]).toEqual([2, '']);
  expect(stderr).toMatch(says);
  expect(stderr).not.toMatch(NO_STACK);
});

test('the simulator offers the files of all folders below, and submit makes a batch of each', async () => {
  const scans = await folderWith({
    '8841/pan.jpg': 'scan',
    '8841/aadhaar/front.jpg': 'scan',
    '8842/pan.jpg': 'scan',
    '8842/.DS_Store': 'clutter',
    '8842/empty.jpg': '',
  });
  await symlink(scans, join(scans, 'round'));
  await symlink(join(scans, 'nowhere'), join(scans, 'lost.jpg'));
  const { environment, stderr } = await startSimulator('--documents', scans);
  expect(stderr()).toBe(
    'left out, since they are no documents: 4 objects: 8842/.DS_Store (a file of the system), 8842/empty.jpg (empty), lost.jpg (a link to no file), round (a link to a folder)\n',
  );
  const args = ['submit', '--s3', 's3://kyc-documents', '--product', 'LOAN_APP', '--by-folder'];
  const planned = await runCommand([...args, '--dry-run', '--json'], environment);
  expect(planned.code).toBe(0);
  const batches = planned.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(
    batches.map(({ reference, documents }) => [
      reference,
      documents.map(({ key }: { key: string }) => key),
    ]),
  ).toEqual([
    ['8841', ['8841/aadhaar/front.jpg', '8841/pan.jpg']],
    ['8842', ['8842/pan.jpg']],
  ]);
});

/** The token that the simulator gives, and the status with which it answers. */
async function logIn(environment: Record<string, string>) {
  const response = await fetch(`${environment.ATLAS_BASE_URL}/v1/docstream/authtoken`, {
    method: 'POST',
    headers: {
      'Client-Id': environment.ATLAS_CLIENT_ID ?? '',
      'Client-Secret': environment.ATLAS_CLIENT_SECRET ?? '',
    },
  });
  return response.status;
}

test('faults come from the shell by name, for an endpoint, and as a rule, and each request is a line', async () => {
  const { environment, stderr } = await startSimulator(
    ...['--log', '--fault', 'multiupload:400', '--fault', '{"fault":503,"times":2}'],
    ...['--s3-fault', 'head:AccessDenied'],
  );
  expect([await logIn(environment), await logIn(environment), await logIn(environment)]).toEqual([
    503, 503, 200,
  ]);
  await waitUntil('a line of each request', () => stderr().split('\n').length === 4);
  const lines = stderr().trim().split('\n');
  expect(lines[0]).toMatch(/^\d\d:\d\d:\d\d\.\d{3}Z {2}Atlas {2}authtoken {4}503, \d+ bytes$/);
  expect(lines[2]).toMatch(/authtoken {4}200/);
});

test.each([
  { args: ['--fault', 'no-such'], says: /^there is no fault "no-such"; known are / },
  { args: ['--s3-fault', 'put:no-batch-id'], says: /^there is no fault "no-batch-id"; / },
  ...['{"fault":', '[{"fault":503}]', '"503"', ' []', '{}'].map((rule) => ({
    args: ['--fault', rule],
    says: /A rule is one JSON object that names its fault, such as/,
  })),
  {
    args: ['--fault', '503', '--fault', '{"fault":500,"times":"x"}'],
    says: /^rule 2 of the faults \(500\): times must be a whole number from 1, not 'x'$/m,
  },
  { args: ['--callback', 'somewhere'], says: /^--callback must be the address of a server/ },
  { args: ['--content', '/nowhere.json'], says: /^cannot read \/nowhere\.json \(ENOENT\)/ },
])('the simulator refuses $args, and exits with 2', async ({ args, says }) => {
  const { code, stdout, stderr } = await runCommand(['simulator', ...args]);
  expect([code, stdout]).toEqual([2, '']);
  expect(stderr).toMatch(says);
  expect(stderr).not.toMatch(NO_STACK);
});

test('--directory that cannot hold objects is refused in a sentence, and what lies there stays as it is', async () => {
  const folder = await folderWith({
    file: 'no folder',
    'foreign/notes.txt': 'notes',
    'kyc/.objects/a.json': '{',
  });
  const refused = async (...path: string[]) => {
    const { code, stdout, stderr } = await runCommand(['simulator', '--directory', join(...path)]);
    expect([code, stdout]).toEqual([2, '']);
    return stderr;
  };
  const file = join(folder, 'file');
  expect(await refused(file)).toBe(`cannot keep objects in ${file} (a file is in the way)\n`);
  expect(await refused(file, 'deep', 'er')).toMatch(
    /^cannot keep objects in .+ \(a file is in the way\)\n$/,
  );
  expect(await refused('/proc/x/y')).toBe('cannot keep objects in /proc/x/y (ENOENT)\n');
  expect(await refused(folder)).toBe(
    `${join(folder, 'kyc/.objects/a.json')} describes no object; remove it\n`,
  );
  await rm(join(folder, 'kyc'), { recursive: true });
  await startSimulator('--directory', folder);
  expect(await readdir(join(folder, 'foreign'))).toEqual(['notes.txt']);
});

test('a --directory that takes no objects is named when --documents are put there', async () => {
  const scans = await folderWith({ 'pan.jpg': 'scan' });
  const { code, stderr } = await runCommand([
    'simulator',
    ...['--directory', '/proc', '--documents', scans],
  ]);
  expect([code, stderr]).toEqual([2, 'cannot keep objects in /proc (ENOENT)\n']);
});

test('--content says what documents hold, and --callback gives the credentials of callbacks', async () => {
  const system = await startSystem();
  const files = await folderWith({
    'scans/8841/pan.jpg': 'scan',
    'scans/8841/lost.jpg': 'scan',
    'content.json': JSON.stringify({
      'pan.jpg': { fields: { name: 'Asha Rao' }, confidence: 0.5 },
      'lost.jpg': 'never',
    }),
    'list.json': '[]',
    'wrong.json': JSON.stringify({ 'pan.jpg': 'nver' }),
  });
  const refused = (name: string) => runCommand(['simulator', '--content', join(files, name)]);
  const wrong = await refused('wrong.json');
  expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining('said of pan.jpg')]);
  const list = await refused('list.json');
  expect([list.code, list.stderr]).toEqual([2, expect.stringContaining('they are an object')]);
  const { environment } = await startSimulator(
    ...['--documents', join(files, 'scans'), '--content', join(files, 'content.json')],
    ...['--completion-ms', '0', '--callback', 'http://127.0.0.1:3000/'],
  );
  expect(Object.keys(environment)).toEqual(
    expect.arrayContaining(['CALLBACK_CLIENT_ID', 'CALLBACK_CLIENT_SECRET']),
  );
  const all = { ...system.environment, ...environment, BATCH_DEADLINE_MS: '3000' };
  const worker = spawnWorker(all);
  onTestFinished(() => worker.kill());
  await worker.started();
  const sent = await runCommand(
    ['submit', '--s3', 's3://kyc-documents/8841/', '--product', 'LOAN_APP', '--wait', '--json'],
    all,
  );
  expect(JSON.parse(sent.stdout)).toMatchObject({
    reason: { code: 'INCOMPLETE' },
    documents: { missing: ['lost.jpg'] },
  });
  const { stdout } = await runCommand(['results', '8841'], all);
  expect(JSON.parse(stdout)).toEqual({
    documentId: 'pan.jpg',
    extracts: [{ document_type: 'PAN', name: { value: 'Asha Rao', confidence_score: 0.5 } }],
  });
});
