import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { followSecrets, loadConfig } from '../../src/config/environment.js';
import { redisTarget } from '../../src/config/redis-fields.js';

const OTHERS = { ATLAS_BASE_URL: 'https://atlas.example.com', RESULTS_BUCKET: 'results' };
const READ_EVERY_MS = 10_000;

/** Writes a secret into a file of its own. */
function createFiles() {
  const folder = mkdtempSync(join(tmpdir(), 'atlas-batch-secrets-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = (name: string) => join(folder, name);
  return { path, write: (name: string, text: string) => writeFileSync(path(name), text) };
}

/** A configuration of which every secret is in a file, and what is logged of it. */
function followed() {
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const files = createFiles();
  files.write('id', 'id\n');
  files.write('secret', ' canary-1\r\n'.trimStart());
  files.write('redis', 'redis://:canary-1@127.0.0.1\n');
  const lines: string[] = [];
  const log = (_: object, message: string) => void lines.push(message);
  const follow = () => {
    const config = loadConfig({
      ...OTHERS,
      ATLAS_CLIENT_ID_FILE: files.path('id'),
      ATLAS_CLIENT_SECRET_FILE: files.path('secret'),
      REDIS_URL_FILE: files.path('redis'),
    });
    const following = followSecrets(config, { debug: log, info: log, warn: log, error: log });
    onTestFinished(() => following.stop());
    return config;
  };
  return { config: follow(), files, lines, follow };
}

test('a secret is what its file holds, less one line break at its end', () => {
  const { config } = followed();
  expect(config.ATLAS_CLIENT_ID).toBe('id');
  expect(config.ATLAS_CLIENT_SECRET).toBe('canary-1');
  expect(config.REDIS_URL).toBe('redis://:canary-1@127.0.0.1');
});

test.each(['/dev/zero', tmpdir()])('a secret is in a regular file, and not in %s', (path) => {
  const variables = { ...OTHERS, REDIS_URL: 'redis://127.0.0.1', ATLAS_CLIENT_ID: 'id' };
  const load = () => loadConfig({ ...variables, ATLAS_CLIENT_SECRET_FILE: path });
  expect(load).toThrow('ATLAS_CLIENT_SECRET_FILE cannot be read (no regular file)');
});

test('a new value of a secret is used within ten seconds, and only its name is logged', () => {
  const { config, files, lines } = followed();
  const { credentials } = redisTarget(config);
  vi.advanceTimersByTime(READ_EVERY_MS);
  expect(lines).toEqual([]);
  files.write('secret', 'canary-2');
  files.write('redis', 'redis://:canary-2@127.0.0.1');
  vi.advanceTimersByTime(READ_EVERY_MS);
  expect(config.ATLAS_CLIENT_SECRET).toBe('canary-2');
  expect(credentials().password).toBe('canary-2');
  expect(lines).toEqual([
    'ATLAS_CLIENT_SECRET has a new value, which is used from now on',
    'REDIS_URL has a new value, which is used from now on',
  ]);
});

test('what two parts of a process use is said once, when it is new and when it is wrong', () => {
  const { files, lines, follow } = followed();
  follow();
  files.write('secret', 'canary-2');
  vi.advanceTimersByTime(2 * READ_EVERY_MS);
  files.write('secret', '');
  vi.advanceTimersByTime(2 * READ_EVERY_MS);
  files.write('secret', 'canary-1');
  vi.advanceTimersByTime(2 * READ_EVERY_MS);
  expect(lines).toEqual([
    expect.stringContaining('new value'),
    expect.stringContaining('is empty'),
    expect.stringContaining('new value'),
  ]);
});

test('a secret that is wrong keeps no other one from being used', () => {
  const { config, files, lines } = followed();
  files.write('secret', 'canary-2\n\n');
  files.write('redis', 'redis://:canary-2@127.0.0.1\n');
  vi.advanceTimersByTime(READ_EVERY_MS);
  expect(config.ATLAS_CLIENT_SECRET).toBe('canary-1');
  expect(config.REDIS_URL).toBe('redis://:canary-2@127.0.0.1');
  files.write('secret', 'canary-3\n');
  files.write('redis', 'http://canary-3');
  vi.advanceTimersByTime(READ_EVERY_MS);
  expect(config.ATLAS_CLIENT_SECRET).toBe('canary-3');
  expect(config.REDIS_URL).toBe('redis://:canary-2@127.0.0.1');
  expect(lines.join()).not.toContain('canary');
});

test.each([
  ['holds two line breaks', 'canary-2\n\n', 'ATLAS_CLIENT_SECRET must hold no line break'],
  ['is empty', '', 'ATLAS_CLIENT_SECRET_FILE names a file that is empty'],
])('a secret whose file %s stays as it was, and one line says so', (_, text, issue) => {
  const { config, files, lines } = followed();
  files.write('secret', text);
  vi.advanceTimersByTime(3 * READ_EVERY_MS);
  expect(config.ATLAS_CLIENT_SECRET).toBe('canary-1');
  expect(lines).toEqual([expect.stringContaining(issue)]);
  expect(lines.join()).not.toContain('canary');
});
