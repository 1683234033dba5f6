import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { inflateSync } from 'node:zlib';
import { expect, onTestFinished, test } from 'vitest';

const SCRIPT = fileURLToPath(new URL('../../scripts/make-sample-documents.mjs', import.meta.url));
const COMMITTED = fileURLToPath(new URL('../../examples/documents', import.meta.url));

/** What a picture shows, whatever zlib packed it. */
function pixels(png: Buffer): Buffer {
  const at = png.indexOf('IDAT');
  return inflateSync(png.subarray(at + 4, at + 4 + png.readUInt32BE(at - 4)));
}

test('the committed documents are those that the script draws', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'atlas-batch-samples-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await promisify(execFile)(process.execPath, [SCRIPT, folder]);
  const names = await readdir(folder);
  expect(await readdir(COMMITTED)).toEqual(names);
  for (const name of names) {
    const [drawn, committed] = await Promise.all([
      readFile(join(folder, name)),
      readFile(join(COMMITTED, name)),
    ]);
    const content = name.endsWith('.png') ? pixels : (bytes: Buffer) => bytes;
    expect(content(drawn).equals(content(committed)), name).toBe(true);
  }
});
