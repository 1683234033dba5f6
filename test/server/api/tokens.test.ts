import { writeFileSync } from 'node:fs';
import { expect, it, onTestFinished, vi } from 'vitest';
import { apiTokensIssue, createToken, parseApiTokens } from '../../../src/config/api-tokens.js';
import { runCommand } from '../../cli/run-command.js';
import { createServer } from '../test-server.js';
import { startApi, TOKEN_LINES, tokensFile } from './test-api.js';

const HASH = 'a'.repeat(64);

it('without a file of tokens the API does not exist', async () => {
  const { server } = await createServer();
  for (const url of ['/api/v1/batches/x', '/api/v1/openapi.json', '/api/v1/docs']) {
    const { statusCode } = await server.app.inject(url);
    expect([url, statusCode]).toEqual([url, 404]);
  }
});

it('the API is served where Atlas reaches us, and not where operators do', async () => {
  const { server } = await startApi({ ADMIN_PORT: '0' });
  expect((await server.app.inject('/api/v1/batches/x')).statusCode).toBe(401);
  expect((await server.adminApp.inject('/api/v1/batches/x')).statusCode).toBe(404);
});

it.each([
  ['a name', `loans app:read:${HASH}`, 'line 2: a name is 1 to 64 of A-Z a-z 0-9 . _ -'],
  ['a role', `loans:admin:${HASH}`, 'line 2: a role is submit, read, operate'],
  ['a tenant', `loans:read:a b:${HASH}`, 'line 2: a tenant is 1 to 64 of A-Z a-z 0-9 . _ -'],
  ['no tenant', `loans:submit:${HASH}`, 'line 2: the role submit must have a tenant'],
  ['a token in the place of its hash', 'loans:read:atlas_secret', 'SHA-256'],
  ['too few parts', `loans:${HASH}`, 'line 2: it has 3 or 4 parts'],
  ['the same name twice', `one:read:${HASH}`, 'line 2: the name is used by an earlier line'],
])('a file of tokens with %s is refused by its line', (_what, line, says) => {
  const issue = apiTokensIssue(`one:read:${HASH}\n${line}\n`);
  expect(issue).toContain(says);
  expect(issue).not.toContain('secret');
});

it('a file of tokens may hold comments and blank lines, but not nothing', () => {
  expect(apiTokensIssue(`# ours\r\n\r\none:read:${HASH}\r\n`)).toBeUndefined();
  expect(apiTokensIssue('# ours\n')).toBe('must hold at least one token');
  expect(parseApiTokens(`one:submit:a:${HASH.toUpperCase()}`)).toMatchObject([
    { name: 'one', role: 'submit', tenant: 'a' },
  ]);
});

it('a server with a wrong file of tokens does not start, and names the line', async () => {
  const start = () => createServer({ API_TOKENS_FILE: tokensFile(['loans:read:1234']) });
  await expect(start).rejects.toThrow(/API_TOKENS .*line 2: it ends in the 64 hexadecimal digits/);
  await expect(start).rejects.not.toThrow('1234');
  const none = () => createServer({ API_TOKENS_FILE: '/nowhere/tokens' });
  await expect(none).rejects.toThrow('API_TOKENS_FILE cannot be read (ENOENT)');
});

it('a new file is used within ten seconds, and a wrong one leaves the tokens as they were', async () => {
  const added = createToken('added', 'read', null);
  const path = tokensFile();
  const lines: string[] = [];
  const log = (_: object, message: string) => void lines.push(message);
  const logger = { debug: () => {}, info: log, warn: log, error: log };
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  onTestFinished(() => void vi.useRealTimers());
  const { call } = await startApi({ API_TOKENS_FILE: path }, logger);
  const statuses = async () =>
    Promise.all(
      ['read', added.token].map(async (one) => (await call(one, 'GET /nothing')).statusCode),
    );
  expect(await statuses()).toEqual([404, 401]);
  writeFileSync(path, [...TOKEN_LINES, added.line].join('\n'));
  vi.advanceTimersByTime(10_000);
  expect(await statuses()).toEqual([404, 404]);
  writeFileSync(path, 'read:read:canary');
  vi.advanceTimersByTime(20_000);
  expect(await statuses()).toEqual([404, 404]);
  writeFileSync(path, added.line);
  vi.advanceTimersByTime(10_000);
  expect(await statuses()).toEqual([401, 404]);
  expect(lines.filter((line) => line.includes('stays as it was'))).toHaveLength(1);
  expect(lines.join()).not.toContain('canary');
});

it('atlas-batch token makes a token and its line, which the API takes', async () => {
  const args = ['token', '--name', 'loans-app', '--role', 'submit', '--tenant', 'loans'];
  const { stdout } = await runCommand([...args, '--json']);
  const { token, line } = JSON.parse(stdout);
  expect(line).toMatch(/^loans-app:submit:loans:[0-9a-f]{64}$/);
  const { call } = await startApi({ API_TOKENS_FILE: tokensFile([line]) });
  expect((await call(token, 'GET /batches/x')).statusCode).toBe(404);
  const { stdout: text } = await runCommand(args);
  expect(text).toMatch(/^atlas_[\w-]{43}$/m);
  expect(text).toMatch(/^loans-app:submit:loans:[0-9a-f]{64}$/m);
});

it.each([
  [['--name', 'x', '--role', 'submit'], 'the role submit must have a tenant; say --tenant T'],
  [['--name', 'a b', '--role', 'read'], '--name must be 1 to 64'],
  [['--name', 'x', '--role', 'read', '--tenant', 'a:b'], '--tenant must be 1 to 64'],
  [['--name', 'x', '--role', 'king'], 'Allowed choices are submit, read, operate'],
])('atlas-batch token %j is wrong usage', async (args, says) => {
  const { code, stderr } = await runCommand(['token', ...args]);
  expect([code, stderr]).toEqual([2, expect.stringContaining(says)]);
});
