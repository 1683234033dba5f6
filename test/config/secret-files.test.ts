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
  const config = loadConfig({
    ...OTHERS,
    ATLAS_CLIENT_ID_FILE: files.path('id'),
    ATLAS_CLIENT_SECRET_FILE: files.path('secret'),
    REDIS_URL_FILE: files.path('redis'),
  });
  const lines: string[] = [];
  const log = (_: object, message: string) => void lines.push(message);
  const following = followSecrets(config, { debug: log, info: log, warn: log, error: log });
  onTestFinished(() => following.stop());
  return { config, files, lines };
}

test('a secret is what its file holds, less one line break at its end', () => {
  const { config } = followed();
  expect(config.ATLAS_CLIENT_ID).toBe('id');
  expect(config.ATLAS_CLIENT_SECRET).toBe('canary-1');
  expect(config.REDIS_URL).toBe('redis://:canary-1@127.0.0.1');
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
