import { execFileSync } from 'node:child_process';
import { chmod, lstat, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { writeLines } from '../../../src/cli/output/write-lines.js';

async function makeFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'lines-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  return folder;
}

async function* lines(): AsyncGenerator<string> {
  yield 'one\n';
  yield 'two\n';
}

test('a pipe gets the lines and stays a pipe', async () => {
  const pipe = join(await makeFolder(), 'pipe');
  execFileSync('sh', ['-c', 'mkfifo "$0"', pipe]);
  const [read] = await Promise.all([readFile(pipe, 'utf8'), writeLines(lines(), pipe)]);
  expect(read).toBe('one\ntwo\n');
  expect((await lstat(pipe)).isFIFO()).toBe(true);
});

test('a device that is full is named, and stays what it was', async () => {
  // By a link, so that a device is never at stake.
  const full = join(await makeFolder(), 'full');
  await symlink('/dev/full', full);
  await expect(writeLines(lines(), full)).rejects.toThrow(`cannot write ${full} (ENOSPC)`);
  expect((await lstat(full)).isSymbolicLink()).toBe(true);
  expect((await lstat('/dev/full')).isCharacterDevice()).toBe(true);
});

test('a file that a link names is written, and keeps who may read it', async () => {
  const folder = await makeFolder();
  const [file, link] = [join(folder, 'file'), join(folder, 'link')];
  await writeFile(file, 'before');
  await chmod(file, 0o600);
  await symlink(file, link);
  await writeLines(lines(), link);
  expect((await lstat(link)).isSymbolicLink()).toBe(true);
  expect(await readFile(file, 'utf8')).toBe('one\ntwo\n');
  expect((await lstat(file)).mode & 0o777).toBe(0o600);
});

test('lines that break off leave the file as it was, and nothing beside it', async () => {
  const folder = await makeFolder();
  const file = join(folder, 'file');
  await writeFile(file, 'before');
  await writeFile(`${file}.partial`, 'of somebody else');
  async function* broken(): AsyncGenerator<string> {
    yield 'one\n';
    throw new Error('Redis went away');
  }
  await expect(writeLines(broken(), file)).rejects.toThrow('Redis went away');
  expect(await readFile(file, 'utf8')).toBe('before');
  expect(await readFile(`${file}.partial`, 'utf8')).toBe('of somebody else');
  expect(await readdir(folder)).toEqual(['file', 'file.partial']);
});

test('a folder that is not there is named, also when it is noticed in the midst of lines', async () => {
  const file = join(await makeFolder(), 'none', 'file');
  async function* endless(): AsyncGenerator<string> {
    for (;;) yield 'one\n';
  }
  await expect(writeLines(endless(), file)).rejects.toThrow(`cannot write ${file} (ENOENT)`);
});
