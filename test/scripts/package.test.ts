import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
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

test('its command is a program', () => {
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
