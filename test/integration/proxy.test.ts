import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { runCli } from '../cli/run-cli.js';
import { runCommand } from '../cli/run-command.js';
import { createAuthority } from '../helpers/certificates.js';
import { startProxy, startTlsFront } from '../helpers/proxy.js';
import { startSystem } from '../helpers/system.js';
import { waitUntil } from '../helpers/wait-until.js';
import { startReceiver, WEBHOOK_SECRET } from '../helpers/webhook-receiver.js';

vi.setConfig({ testTimeout: 60_000 });

/** Atlas and the webhook have names that only the proxy resolves. S3 is asked through it as well. */
async function startBehindProxy() {
  const authority = await createAuthority();
  const [system, proxy, receiver] = await Promise.all([
    startSystem(),
    startProxy(),
    startReceiver(),
  ]);
  const atlasPort = await startTlsFront(authority, system.atlas.url);
  const webhookPort = await startTlsFront(authority, receiver.url);
  const proxyUrl = proxy.url.replace('//', '//user:canary@');
  const environment = {
    ...system.environment,
    ATLAS_BASE_URL: `https://atlas.example.test:${atlasPort}`,
    COMPLETION_WEBHOOK_URL: `https://app.example.test:${webhookPort}/events`,
    COMPLETION_WEBHOOK_SECRET: WEBHOOK_SECRET,
    NODE_EXTRA_CA_CERTS: authority.ca,
    https_proxy: proxyUrl,
    HTTP_PROXY: proxyUrl,
    NO_PROXY: '<-loopback>',
  };
  const hosts = () => new Set(proxy.asked.map((asked) => asked.split('?')[0]));
  return { system, proxy, receiver, environment, hosts, atlasPort, webhookPort };
}

test('a worker reaches Atlas, S3 and the webhook through the proxy, and a tunnel that is refused costs no upload', async () => {
  const { system, proxy, receiver, environment, hosts, atlasPort, webhookPort } =
    await startBehindProxy();
  const request = await system.request('loan-1', 2);
  proxy.mode = 502;
  const worker = await system.startWorkerProcess(environment);
  await system.add(request);
  // S3 needs no tunnel: the batch gets as far as its upload.
  const atlas = `atlas.example.test:${atlasPort}`;
  const refused = () => proxy.asked.filter((asked) => asked === atlas).length;
  await waitUntil('refused tunnels', () => refused() > 1);
  expect(system.atlas.uploads()).toEqual([]);
  proxy.mode = 'forward';
  expect((await system.event('done-loan-1')).name).toBe('batch.completed');
  expect((await receiver.delivery(1)).payload.data.reference).toBe('loan-1');
  expect(system.atlas.uploads().length).toBe(1);
  expect([...hosts()]).toEqual(
    expect.arrayContaining([
      atlas,
      `app.example.test:${webhookPort}`,
      `${system.s3.url}/kyc-documents/loan-1/001.jpg`,
    ]),
  );
  expect(worker.output()).toContain(`https goes through the proxy 127.0.0.1:${proxy.port}`);
  expect(worker.output()).not.toContain('canary');
});

test('the doctor and the commands go through the proxy as the worker does, and the doctor says so', async () => {
  const { system, proxy, environment, hosts, atlasPort, webhookPort } = await startBehindProxy();
  const healthy = await runCli(['doctor'], environment);
  expect(healthy.stdout).toMatch(
    new RegExp(`^ok {4}proxy .*https goes through the proxy 127.0.0.1:${proxy.port}`, 'm'),
  );
  expect(healthy.stdout).toMatch(/^ok {4}Atlas /m);
  expect(healthy.stdout).toMatch(/^ok {4}S3 .*can be written and read/m);
  expect(healthy.stdout).toMatch(/^ok {4}webhook .*can be reached$/m);
  expect([...hosts()]).toContain(`atlas.example.test:${atlasPort}`);
  expect([...hosts()]).toContain(`app.example.test:${webhookPort}`);
  expect([...hosts()].some((asked) => asked?.startsWith(`${system.s3.url}/results`))).toBe(true);

  system.s3.put('kyc-documents', 'in/a b.jpg', 'scan');
  const args = ['submit', '--s3', 's3://kyc-documents/in/', '--product', 'X', '--dry-run'];
  expect(await runCommand(args, environment)).toMatchObject({ code: 0, stderr: '' });
  expect(proxy.asked.at(-1)).toMatch(`${system.s3.url}/kyc-documents`);

  proxy.mode = 407;
  const refused = await runCommand(['doctor'], environment);
  expect(refused.stdout).toMatch(
    /^FAIL {2}Atlas .*PROXY_407\); correct user name and password in HTTPS_PROXY \(HTTP_PROXY for http\)$/m,
  );
  expect(refused.stdout).toMatch(/^FAIL {2}webhook .*PROXY_407\); correct user name/m);
  expect(refused.code).toBe(1);
  expect(healthy.stdout + refused.stdout + refused.stderr).not.toContain('canary');
});

test('a proxy that wants another login is named in the log, and the new one is read from its file', async () => {
  const { system, proxy, environment } = await startBehindProxy();
  const folder = await mkdtemp(join(tmpdir(), 'proxy-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const file = join(folder, 'proxy');
  const write = (password: string) =>
    writeFile(file, `${proxy.url.replace('//', `//user:${password}@`)}\n`);
  await write('canary-old');
  proxy.login = `Basic ${Buffer.from('user:canary-new').toString('base64')}`;
  const { https_proxy: _, HTTP_PROXY: __, ...others } = environment;
  const variables = { ...others, HTTPS_PROXY_FILE: file, HTTP_PROXY_FILE: file };

  const refused = await runCommand(['doctor'], variables);
  const advice = 'PROXY_407); correct user name and password in HTTPS_PROXY (HTTP_PROXY for http)';
  expect(lineOf(refused.stdout, 'FAIL  Atlas')).toContain(advice);
  expect(lineOf(refused.stdout, 'FAIL  S3')).toContain(advice);

  const worker = await system.startWorkerProcess(variables);
  await system.submit('loan-1', 2);
  await waitUntil('a line about S3', () => worker.output().includes(`from S3 (${advice}`));
  // S3 is asked first, by http.
  const { login } = proxy;
  proxy.login = null;
  proxy.mode = 407;
  await waitUntil('a line about Atlas', () => worker.output().includes(`be asked (${advice}`));
  proxy.mode = 'forward';
  proxy.login = login;
  await write('canary-new');
  expect((await system.event('done-loan-1', 60_000)).name).toBe('batch.completed');
  expect(system.atlas.uploads()).toHaveLength(1);
  expect(worker.output()).toContain('HTTPS_PROXY has a new value');
  expect(worker.output() + refused.stdout).not.toContain('canary');
});

function lineOf(output: string, start: string): string | undefined {
  return output.split('\n').find((line) => line.startsWith(start));
}

test.each([
  ['HTTPS_PROXY', 'user:canary@proxy:3128'],
  ['https_proxy', 'socks5://user:canary@proxy:1080'],
  ['NO_PROXY', 'https://user:canary@example.com'],
])('a %s that makes no sense is named, and ends a command with 2', async (name, value) => {
  const { code, stdout, stderr } = await runCommand(['doctor'], { [name]: value });
  expect(code).toBe(2);
  expect(stdout).toMatch(new RegExp(`${name} must `));
  expect(stdout + stderr).not.toContain('canary');
});
