import { execFileSync } from 'node:child_process';
import { accessSync, constants, existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { z } from 'zod';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const read = (file: string) => readFileSync(join(ROOT, file), 'utf8');

const MANIFEST = z
  .object({
    bin: z.record(z.string(), z.string()),
    exports: z.record(z.string(), z.union([z.string(), z.record(z.string(), z.string())])),
  })
  .parse(JSON.parse(read('package.json')));

const LOCK = z
  .object({
    packages: z.record(
      z.string(),
      z.object({
        resolved: z.string().optional(),
        optionalDependencies: z.record(z.string(), z.string()).optional(),
      }),
    ),
  })
  .parse(JSON.parse(read('package-lock.json')));

const PACKED = z.tuple([z.object({ files: z.array(z.object({ path: z.string() })) })]);

test('the package exports what the build makes', () => {
  const targets = Object.values(MANIFEST.exports).flatMap((entry) =>
    typeof entry === 'string' ? [entry] : Object.values(entry),
  );
  for (const target of targets) {
    // Of a pattern such as ./schemas/* the folder.
    const [path = ''] = target.split('*');
    expect(existsSync(join(ROOT, path)), target).toBe(true);
  }
});

/** The files that npm would pack. */
function packed(): string[] {
  const pack = ['pack', '--dry-run', '--json', '--ignore-scripts', '--silent'];
  const [{ files }] = PACKED.parse(JSON.parse(execFileSync('npm', pack, { encoding: 'utf8' })));
  return files.map(({ path }) => path);
}

/** Files below a folder, by their paths. */
function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => `${parentPath}/${name}`);
}

test('what a page of the package links to is in the package, for no page on the web has it', () => {
  expect(JSON.parse(read('package.json'))).not.toHaveProperty('repository');
  const files = packed();
  const links = files
    .filter((file) => file.endsWith('.md'))
    .flatMap((page) =>
      [...read(page).matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map(([, path = '']) => ({
        page,
        target: join(dirname(page), path),
      })),
    );
  for (const page of ['README.md', 'docs/README.md'])
    expect(links.filter((link) => link.page === page).length).toBeGreaterThan(5);
  const isPacked = (target: string) =>
    files.some((file) => file === target || file.startsWith(join(target, '/')));
  expect(links.filter(({ target }) => !isPacked(target))).toEqual([]);
});

test('the package holds what is needed to run it and to read of it, and nothing else', () => {
  const sources = readdirSync('src', { recursive: true, encoding: 'utf8' });
  const assets = sources.filter((path) => /\.(css|js)$/.test(path)).map((path) => `dist/${path}`);
  const modules = sources
    .filter((path) => path.endsWith('.ts') && !path.endsWith('.d.ts'))
    .map((path) => `dist/${path.slice(0, -'.ts'.length)}`);
  const isImported = (module: string) => !/^dist\/cli(\/|$)/.test(module);
  const isPacked = (path: string) =>
    !path.startsWith('docs/screenshots/') || path.endsWith('/batches.png');
  expect(packed().sort()).toEqual(
    [
      ...['CHANGELOG.md', 'LICENSE', 'README.md', 'package.json'],
      ...['ARCHITECTURE.md', 'CONTRIBUTING.md', 'SECURITY.md'],
      ...['deploy', 'docs', 'examples'].flatMap(filesBelow).filter(isPacked),
      ...readdirSync('schemas').map((name) => `schemas/${name}`),
      ...assets,
      ...modules.map((module) => `${module}.js`),
      ...modules.filter(isImported).map((module) => `${module}.d.ts`),
    ].sort(),
  );
});

test('the command of the package is a program', () => {
  for (const path of Object.values(MANIFEST.bin)) {
    expect(read(path)).toMatch(/^#!\/usr\/bin\/env node\n/);
    accessSync(join(ROOT, path), constants.X_OK);
  }
});

test('the lock file names no registry', () => {
  const named = Object.values(LOCK.packages).map(({ resolved }) => resolved);
  expect(named.filter((resolved) => resolved !== undefined)).toEqual([]);
});

test('the lock file holds the packages of every platform, or npm ci refuses it', () => {
  const paths = Object.keys(LOCK.packages);
  const wanted = Object.values(LOCK.packages).flatMap(({ optionalDependencies }) =>
    Object.keys(optionalDependencies ?? {}),
  );
  const missing = wanted.filter(
    (name) => !paths.some((path) => path.endsWith(`node_modules/${name}`)),
  );
  expect(missing).toEqual([]);
});
