import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { loadConfig, loadServerConfig } from '../src/config/environment.js';
import { UsageError } from '../src/errors.js';
import * as publicNames from '../src/index.js';
import { testRedis } from './helpers/redis.js';

const read = (path: string) => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8');
const README = read('README.md');
const PAGES = [
  ...['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'src/polling/README.md'],
  ...['SECURITY.md', 'CODE_OF_CONDUCT.md'],
  ...['compose', 'ecs', 'iam', 'kubernetes'].map((name) => `deploy/${name}/README.md`),
].concat(
  readdirSync(new URL('../docs', import.meta.url))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
);

/** Rows of tables of variables: name and the column after it. */
function readTable(text: string): Map<string, string> {
  const rows = text.matchAll(/^\| `([A-Z][A-Z0-9_]*|https?_proxy|no_proxy)` \| (.*?) \|/gm);
  return new Map([...rows].map(([, name = '', value = '']) => [name, value]));
}

const REQUIRED = {
  REDIS_URL: 'redis://127.0.0.1:6379',
  ATLAS_BASE_URL: 'https://atlas.example.com',
  ATLAS_CLIENT_ID: 'id',
  ATLAS_CLIENT_SECRET: 'secret',
  RESULTS_BUCKET: 'results',
};

test('docs/configuration.md has every variable, with its default', () => {
  const config = { ...loadConfig(REQUIRED), ...loadServerConfig(REQUIRED) };
  const expected = Object.entries(config).map(([variable, value]) => {
    // A list is in a file only.
    const name = variable === 'API_TOKENS' ? 'API_TOKENS_FILE' : variable;
    if (name in REQUIRED) return [name, 'required'];
    if (value === null) return [name, 'unset'];
    const text = String(value);
    return [name, text === '' ? 'empty' : `\`${text}\``];
  });
  const table = readTable(read('docs/configuration.md'));
  expect(Object.fromEntries(table)).toEqual(Object.fromEntries(expected));
});

test('the README names the required variables and no others', () => {
  expect([...readTable(README).keys()].sort()).toEqual(Object.keys(REQUIRED).sort());
});

test.each(Object.keys(REQUIRED))('%s is required, and its absence is named', (name) => {
  expect(() => loadConfig({ ...REQUIRED, [name]: '' })).toThrow(UsageError);
  expect(() => loadConfig({ ...REQUIRED, [name]: '' })).toThrow(`${name} is missing`);
});

test.each(PAGES)('every file and every heading that %s links to is there', (page) => {
  const links = [...read(page).matchAll(/\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)/g)];
  const broken = links.filter(([, path = '', anchor]) => {
    const target = path === '' ? page : new URL(path, `file:///${page}`).pathname.slice(1);
    const isThere = existsSync(new URL(`../${target}`, import.meta.url));
    return !isThere || (anchor !== undefined && !anchorsOf(read(target)).has(anchor));
  });
  expect(broken.map(([link]) => link)).toEqual([]);
});

test.each(PAGES)('every file of the repository that %s names is there', (page) => {
  // Not linked where a page is packed, and they are not.
  const named = [...read(page).matchAll(/`((?:src|test|scripts)\/[^`\s]*)`/g)];
  const missing = named.filter(([, path]) => !existsSync(new URL(`../${path}`, import.meta.url)));
  expect(missing.map(([, path]) => path)).toEqual([]);
});

test('the README and the index of the docs lead to other pages', () => {
  for (const page of ['README.md', 'docs/README.md']) {
    expect([...read(page).matchAll(/\]\((?!https?:)/g)].length).toBeGreaterThan(5);
  }
});

test('the index of the docs leads to every page of docs', () => {
  const index = read('docs/README.md');
  const pages = PAGES.filter((page) => page.startsWith('docs/') && page !== 'docs/README.md');
  expect(pages.filter((page) => !index.includes(`(${page.slice('docs/'.length)}`))).toEqual([]);
});

test('docs/client.md names everything that the package exports', () => {
  const page = read('docs/client.md');
  const names = Object.keys(publicNames);
  expect(names.length).toBeGreaterThan(5);
  expect(
    names.filter((name) => !page.includes(`\`${name}`) && !page.includes(` ${name} `)),
  ).toEqual([]);
});

test('docs/client.md names every method of the client', async () => {
  const page = read('docs/client.md');
  const client = publicNames.createAtlasBatchClient({ redisUrl: testRedis().url });
  await client.close();
  const methods = Object.keys(client);
  expect(methods.length).toBeGreaterThan(5);
  expect(methods.filter((method) => !page.includes(`\`${method}(`))).toEqual([]);
});

test('ARCHITECTURE.md lists every key of ours in Redis, and no other', () => {
  const listed = read('ARCHITECTURE.md').matchAll(/^\| `<prefix>:([a-z-]+)/gm);
  const src = new URL('../src', import.meta.url);
  const files = readdirSync(src, { recursive: true, encoding: 'utf8' });
  const keys = files
    .filter((name) => name.endsWith('.ts'))
    .flatMap((name) =>
      [...read(`src/${name}`).matchAll(/[pP]refix\}:([a-z-]+)/g)].map(([, key]) => [name, key]),
    );
  expect(new Set(keys.map(([name]) => name))).toEqual(
    new Set(['jobs/keys/gate-keys.ts', 'jobs/keys/reading-keys.ts', 'jobs/keys/redis-keys.ts']),
  );
  const names = [...listed].map(([, key]) => key);
  expect(names.sort()).toEqual(keys.map(([, key]) => key).sort());
});

test('the figures of the README are those of docs/performance.md', () => {
  const measured = read('docs/performance.md');
  const rows = [...README.matchAll(/^\| (\d+ at once.*?) \| (\d+) \| (\d+) \| (\d+) \|$/gm)];
  expect(rows.length).toBe(3);
  for (const [, setup = '', ours = '', baseline = '', floor = ''] of rows) {
    expect(measured).toContain(`| batches per second, ${setup} | ${ours} | floor ${floor} |`);
    expect(measured).toContain(`| | | baseline ${baseline} |`);
  }
});

test('the figures by which docs/capacity.md plans are those of docs/performance.md', () => {
  const [plan, measured] = [read('docs/capacity.md'), read('docs/performance.md')];
  for (const [planned, inTable] of [
    ['446 batches a second', 'batches per second, 10 at once | 446 |'],
    ['573 batches a second', 'batches per second, 50 at once in two processes | 573 |'],
    ['1.67 ms of CPU per batch', 'CPU of the worker, ms per batch, 10 at once | 1.67 |'],
    ['0.68 ms of CPU per batch', 'CPU of Redis, ms per batch, 50 at once | 0.68 |'],
    ['3.7 KiB of Redis', 'a batch in flight | 3.7 KiB |'],
    ['4.3 KiB of Redis', 'an ended batch whose event waits | 4.3 KiB |'],
    ['191 MiB after 100,000 batches', 'memory of a worker after 100,000 batches | 191 MiB |'],
    ['1,000 to 1,400 batches a second', '1,000 to 1,400 batches per second'],
  ] as const) {
    expect(plan).toContain(planned);
    expect(measured).toContain(inTable);
  }
});

/** Ids of headings, as GitHub makes them. */
function anchorsOf(text: string): Set<string> {
  const headings = [...text.matchAll(/^#+ (.*)$/gm)].map(([, title = '']) => title);
  return new Set(
    headings.map((title) =>
      title
        .toLowerCase()
        .replace(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  );
}
