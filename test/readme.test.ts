import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { loadConfig, loadServerConfig } from '../src/config/environment.js';
import { UsageError } from '../src/errors.js';

const README = readFileSync(new URL('../README.md', import.meta.url), 'utf8');

/** Rows of the table of variables: name and default. */
function readTable(): Map<string, string> {
  const rows = README.matchAll(/^\| `([A-Z][A-Z0-9_]*)` \| (.*?) \|/gm);
  return new Map([...rows].map(([, name = '', value = '']) => [name, value]));
}

const REQUIRED = {
  REDIS_URL: 'redis://127.0.0.1:6379',
  ATLAS_BASE_URL: 'https://atlas.example.com',
  ATLAS_CLIENT_ID: 'id',
  ATLAS_CLIENT_SECRET: 'secret',
  RESULTS_BUCKET: 'results',
};

test('the table of variables has every variable, with its default', () => {
  const config = { ...loadConfig(REQUIRED), ...loadServerConfig(REQUIRED) };
  const expected = Object.entries(config).map(([name, value]) => {
    if (name in REQUIRED) return [name, 'required'];
    if (value === null) return [name, 'unset'];
    const text = String(value);
    return [name, text === '' ? 'empty' : `\`${text}\``];
  });
  expect(Object.fromEntries(readTable())).toEqual(Object.fromEntries(expected));
});

test.each(Object.keys(REQUIRED))('%s is required, and its absence is named', (name) => {
  expect(() => loadConfig({ ...REQUIRED, [name]: '' })).toThrow(UsageError);
  expect(() => loadConfig({ ...REQUIRED, [name]: '' })).toThrow(`${name} is missing`);
});

test('every file that it leads to is there', () => {
  const links = [...README.matchAll(/\]\((?!https?:)([^)#]+)/g)].map(([, path = '']) => path);
  expect(links.length).toBeGreaterThan(5);
  expect(links.filter((path) => !existsSync(new URL(`../${path}`, import.meta.url)))).toEqual([]);
});
