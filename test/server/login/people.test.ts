import { writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { hashPassword } from '../../../src/server/login/password-hash.js';
import { runCommand } from '../../cli/run-command.js';
import { createServer, LOGIN, SILENT } from '../test-server.js';

const PASSWORD = 'correct horse battery';
const HASH = await hashPassword(PASSWORD);
const PROXY = { TRUST_PROXY: '192.0.2.0/24', OPERATOR_HEADER: 'X-Forwarded-User' };

async function usersFile(text: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'atlas-batch-users-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const path = join(folder, 'users');
  writeFileSync(path, text);
  return path;
}

function basic(name: string, password: string): string {
  return `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`;
}

it('people of the users file log in beside the single login, and those with the role view change nothing', async () => {
  const path = await usersFile(`alice:${HASH}:operate\nbob:${HASH}:view\n`);
  const { server } = await createServer({ ...LOGIN, DASHBOARD_USERS_FILE: path });
  const ask = async (name: string, password: string, method: 'GET' | 'POST' = 'GET') => {
    const url = method === 'GET' ? '/dashboard/batches' : '/dashboard/resume';
    const headers = { authorization: basic(name, password), 'sec-fetch-site': 'same-origin' };
    return (await server.app.inject({ method, url, headers })).statusCode;
  };
  expect(await ask('alice', PASSWORD)).toBe(200);
  expect(await ask('operator', 'correct horse')).toBe(200);
  expect(await ask('alice', 'correct horse')).toBe(401);
  expect(await ask('operator', PASSWORD)).toBe(401);
  expect(await ask('nobody', PASSWORD)).toBe(401);
  expect(await ask('alice', PASSWORD, 'POST')).toBe(303);
  expect(await ask('bob', PASSWORD, 'POST')).toBe(403);
  expect(await ask('bob', PASSWORD)).toBe(200);
});

it('the last person whose line is taken out of the users file cannot log in any more', async () => {
  const path = await usersFile(`alice:${HASH}:operate\n`);
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  onTestFinished(() => void vi.useRealTimers());
  const info = vi.fn();
  const logger = { ...SILENT, info };
  const { server } = await createServer({ DASHBOARD_USERS_FILE: path }, { logger });
  const headers = { authorization: basic('alice', PASSWORD) };
  const ask = async () => (await server.app.inject({ url: '/dashboard/', headers })).statusCode;
  expect(await ask()).toBe(200);
  // What is wrong locks nobody out.
  writeFileSync(path, 'alice\n');
  vi.advanceTimersByTime(10_000);
  expect(await ask()).toBe(200);
  writeFileSync(path, '# nobody any more\n');
  vi.advanceTimersByTime(10_000);
  expect(await ask()).toBe(401);
  expect(info).toHaveBeenCalledWith({}, 'DASHBOARD_USERS_FILE has changed: 0 people may log in');
});

it('what somebody changes is logged with their name', async () => {
  const path = await usersFile(`alice:${HASH}:operate\n`);
  const info = vi.fn();
  const logger = { ...SILENT, info };
  const { server } = await createServer({ DASHBOARD_USERS_FILE: path }, { logger });
  await server.app.inject({
    method: 'POST',
    url: '/dashboard/resume',
    headers: { authorization: basic('alice', PASSWORD), 'sec-fetch-site': 'same-origin' },
  });
  expect(info).toHaveBeenCalledWith(
    expect.objectContaining({ action: 'resume', actor: 'alice' }),
    expect.any(String),
  );
});

it('the same right login may come many times at once', async () => {
  const path = await usersFile(`alice:${HASH}:operate\n`);
  const { server } = await createServer({ DASHBOARD_USERS_FILE: path });
  const headers = { authorization: basic('alice', PASSWORD) };
  const responses = await Promise.all(
    Array.from({ length: 30 }, () => server.app.inject({ url: '/dashboard/', headers })),
  );
  expect(new Set(responses.map(({ statusCode }) => statusCode))).toEqual(new Set([200]));
});

it('the person whom a trusted proxy names needs no password, and from elsewhere the header is nothing', async () => {
  const { server } = await createServer(PROXY);
  const ask = (remoteAddress: string, user = 'alice@example.com') =>
    server.app.inject({
      url: '/dashboard/batches',
      remoteAddress,
      headers: { 'x-forwarded-user': user },
    });
  const page = await ask('192.0.2.9');
  expect(page.statusCode).toBe(200);
  expect(page.body).toContain('alice@example.com');
  expect((await ask('::ffff:192.0.2.9')).statusCode).toBe(200);
  expect((await ask('198.51.100.1')).statusCode).toBe(401);
  expect((await ask('192.0.2.9', ' ')).statusCode).toBe(401);
});

it('with a users file the proxy names people, and the file says what they may do', async () => {
  const path = await usersFile('alice:-:operate\n');
  const { server } = await createServer({ ...PROXY, DASHBOARD_USERS_FILE: path });
  const resume = async (user: string) => {
    const headers = { 'x-forwarded-user': user, 'sec-fetch-site': 'same-origin' };
    const request = { method: 'POST', url: '/dashboard/resume', headers } as const;
    return (await server.app.inject({ ...request, remoteAddress: '192.0.2.9' })).statusCode;
  };
  expect(await resume('alice')).toBe(303);
  expect(await resume('somebody')).toBe(403);
});

it('behind a trusted proxy a wrong password locks the client that it names, and not the proxy', async () => {
  const warned: object[] = [];
  const logger = { ...SILENT, warn: (fields: object) => void warned.push(fields) };
  const { server } = await createServer({ ...LOGIN, TRUST_PROXY: '192.0.2.9' }, { logger });
  const attempt = async (password: string, client: string) => {
    const { statusCode } = await server.app.inject({
      url: '/dashboard/',
      remoteAddress: '192.0.2.9',
      headers: { authorization: basic('operator', password), 'x-forwarded-for': client },
    });
    return statusCode;
  };
  for (let i = 0; i < 10; i += 1) expect(await attempt('wrong', '203.0.113.1')).toBe(401);
  expect(await attempt('correct horse', '203.0.113.1')).toBe(429);
  expect(await attempt('correct horse', '203.0.113.2')).toBe(200);
  const failed = { address: '203.0.113.1', name: 'operator' };
  expect(warned).toEqual([...Array(9).fill(failed), { ...failed, locked: true }]);
});

it.each([
  ['203.0.113.1', (port: number) => `203.0.113.1:${port}`],
  ['2001:db8::1', (port: number) => `[2001:db8::1]:${port}`],
  ['203.0.113.1', (port: number) => `203.0.113.1:${port}, 192.0.2.9:${port}`],
])(
  'a client is %s also where proxies name the port of each connection',
  async (address, clientAt) => {
    const warned: object[] = [];
    const logger = { ...SILENT, warn: (fields: object) => void warned.push(fields) };
    const { server } = await createServer({ ...LOGIN, TRUST_PROXY: '192.0.2.9' }, { logger });
    const codes: number[] = [];
    for (let i = 0; i < 11; i += 1) {
      const { statusCode } = await server.app.inject({
        url: '/dashboard/',
        remoteAddress: '192.0.2.9',
        headers: {
          authorization: basic('operator', 'wrong'),
          'x-forwarded-for': clientAt(4000 + i),
        },
      });
      codes.push(statusCode);
    }
    expect(codes).toEqual([...Array(10).fill(401), 429]);
    expect(warned[0]).toEqual({ address, name: 'operator' });
  },
);

it.each([
  [{ OPERATOR_HEADER: 'X-User' }, 'TRUST_PROXY is missing; OPERATOR_HEADER needs it'],
  [{ TRUST_PROXY: '10.0.0.0/33' }, 'TRUST_PROXY must be addresses or networks'],
  [{ TRUST_PROXY: 'everybody' }, 'TRUST_PROXY must be addresses or networks'],
  [{ TRUST_PROXY: '::1', OPERATOR_HEADER: 'a b' }, 'OPERATOR_HEADER must be the name of a header'],
  [{ BASE_PATH: 'ops' }, 'BASE_PATH must begin with a slash'],
  [{ BASE_PATH: '/a/../b' }, 'BASE_PATH must have no segment that is . or ..'],
  [{ DASHBOARD_USERS_FILE: '/nowhere' }, 'DASHBOARD_USERS_FILE cannot be read (ENOENT)'],
])('%o is refused at the start: %s', async (environment, issue) => {
  await expect(createServer(environment as Record<string, string>)).rejects.toThrow(issue);
});

it('atlas-batch user makes a line of the users file from a password that nobody sees', async () => {
  const args = ['user', '--name', 'alice', '--role', 'operate'];
  const { code, stdout } = await runCommand(args, {}, `${PASSWORD}\n`);
  expect(code).toBe(0);
  const { server } = await createServer({ DASHBOARD_USERS_FILE: await usersFile(stdout) });
  const headers = { authorization: basic('alice', PASSWORD) };
  expect((await server.app.inject({ url: '/dashboard/', headers })).statusCode).toBe(200);

  const short = await runCommand(args, {}, 'too short\n');
  expect(short).toMatchObject({ code: 2, stdout: '' });
  expect(short.stderr).toContain('the password must have at least 12 characters');
  const none = await runCommand([...args, '--no-password']);
  expect(none.stdout).toBe('alice:-:operate\n');
});

it('a line of the users file that has changed ends its login within seconds', async () => {
  const path = await usersFile(`alice:${HASH}:operate\n`);
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  onTestFinished(() => void vi.useRealTimers());
  const error = vi.fn();
  const logger = { ...SILENT, error };
  const { server } = await createServer({ DASHBOARD_USERS_FILE: path }, { logger });
  const ask = async (name: string) => {
    const headers = { authorization: basic(name, PASSWORD) };
    return (await server.app.inject({ url: '/dashboard/', headers })).statusCode;
  };
  expect([await ask('alice'), await ask('bob')]).toEqual([200, 401]);
  writeFileSync(path, `bob:${HASH}:view\n`);
  vi.advanceTimersByTime(10_000);
  expect([await ask('alice'), await ask('bob')]).toEqual([401, 200]);
  // What is wrong leaves those before, and is said once.
  writeFileSync(path, 'canary');
  vi.advanceTimersByTime(30_000);
  expect([await ask('alice'), await ask('bob')]).toEqual([401, 200]);
  expect(error).toHaveBeenCalledTimes(1);
  expect(String(error.mock.calls)).not.toContain('canary');
});
