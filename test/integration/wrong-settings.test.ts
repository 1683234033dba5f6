import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { runCli } from '../cli/run-cli.js';
import { runCommand } from '../cli/run-command.js';
import { startSystem } from '../helpers/system.js';
import { failedStart, sentencesOf } from './failed-start.js';

/** Wrong variables, each beside ones that are right. */
const WRONG: { wrong: Record<string, string>; command?: 'start'; says: RegExp }[] = [
  { wrong: { REDIS_URL: 'redis://:canary%@host' }, says: /REDIS_URL holds a % .* as %25/ },
  { wrong: { REDIS_URL: 'http://canary@host' }, says: /REDIS_URL must be a URL such as redis:/ },
  {
    wrong: { ATLAS_CLIENT_SECRET: '' },
    says: /ATLAS_CLIENT_SECRET is missing; set the client sec/,
  },
  {
    wrong: { ATLAS_CLIENT_SECRET: 'canary\n' },
    says: /ATLAS_CLIENT_SECRET must hold no line break/,
  },
  {
    wrong: { AWS_SECRET_ACCESS_KEY: 'canary\n' },
    says: /AWS_SECRET_ACCESS_KEY must hold no line break/,
  },
  {
    wrong: { AWS_ACCESS_KEY_ID: '\u{feff}canary' },
    says: /AWS_ACCESS_KEY_ID must hold no byte order/,
  },
  { wrong: { ATLAS_CLIENT_ID: '\u{feff}canary' }, says: /ATLAS_CLIENT_ID must hold no byte order/ },
  {
    wrong: { ATLAS_CLIENT_ID: 'canary\u{2019}' },
    says: /ATLAS_CLIENT_ID must hold only characters/,
  },
  {
    wrong: { RESULTS_BUCKET: 'canary ' },
    says: /RESULTS_BUCKET must not begin or end with a blank/,
  },
  { wrong: { WORKER_PORT: 'tcp://10.0.0.1:80' }, says: /WORKER_PORT is a service link .* set it/ },
  { wrong: { PORT: 'tcp://10.0.0.1:80' }, says: /PORT is a service link .* set it in the pod/ },
  { wrong: { ADMIN_PORT: 'tcp://10.0.0.1:80' }, says: /ADMIN_PORT is a service link .* set it/ },
  {
    wrong: { ATLAS_CLIENT_SECRET_FILE: '/dev/null' },
    says: /ATLAS_CLIENT_SECRET_FILE cannot go together with ATLAS_CLIENT_SECRET/,
  },
  {
    wrong: { ATLAS_CLIENT_SECRET: '', ATLAS_CLIENT_SECRET_FILE: '/nowhere/secret' },
    says: /ATLAS_CLIENT_SECRET_FILE cannot be read \(ENOENT\)/,
  },
  { wrong: { DASHBOARD_USER: 'a' }, command: 'start', says: /DASHBOARD_PASSWORD is missing; DASH/ },
];

it('a worker with wrong variables names each, ends with 2, and has started nothing', async () => {
  const system = await startSystem();
  for (const { wrong, command = 'worker', says } of WRONG) {
    const environment = { ...system.environment, ...wrong };
    const { code, stdout, stderr } = await runCommand([command], environment);
    const output = stdout + stderr;
    const sentences = sentencesOf(output);
    expect(sentences).toEqual(['The configuration is wrong:', expect.stringMatching(says)]);
    expect(code).toBe(2);
    expect(output).not.toMatch(/canary|10\.0\.0\.1|started/);
  }
  expect(await system.redis.exists(`${system.prefix}:workers`)).toBe(0);
});

it('a process whose port is taken names the variable, and takes no jobs', async () => {
  const system = await startSystem();
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  onTestFinished(() => void taken.close());
  const { port } = taken.address() as AddressInfo;
  const environment = { ...system.environment, WORKER_PORT: String(port) };
  const { code, sentences } = await failedStart(environment);
  expect(code).toBe(2);
  expect(sentences).toEqual([
    expect.stringMatching(/^port \d+ is taken; set .*WORKER_PORT to a fr/),
  ]);
});

it.each([
  ['192.0.2.1', '192.0.2.1 is no address of this host; set HOST to one that is'],
  [
    'no-such-host.invalid',
    'no-such-host.invalid has no address; set HOST to a name or an address that has',
  ],
])('a process that is to listen on %s says that HOST is wrong', async (host, says) => {
  const system = await startSystem();
  const { code, sentences } = await failedStart({
    ...system.environment,
    HOST: host,
    PORT: '0',
    WORKER_PORT: '0',
  });
  expect([code, sentences]).toEqual([2, [says]]);
});

it.each(['server', 'start'])(
  'a %s whose file of users is wrong says so and exits with 2',
  async (command) => {
    const { environment } = await startSystem();
    const users = { DASHBOARD_USERS_FILE: '/nowhere/users' };
    const run = await runCli([command], { ...environment, ...users, PORT: '0' });
    expect(run.code).toBe(2);
    const said = sentencesOf(run.stdout + run.stderr).join('\n');
    expect(said).toContain('DASHBOARD_USERS_FILE cannot be read (ENOENT)');
  },
);
