import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { runCli } from './run-cli.js';

const MANIFEST = {
  reference: 'loan-8841',
  productType: 'LOAN_APP',
  documents: [{ documentId: 'पैन', bucket: 'kyc', key: '8841/पैन.jpg' }],
};
const TEXT = `\ufeff${JSON.stringify(MANIFEST)}`;

async function submit(bytes: Buffer) {
  const directory = await mkdtemp(join(tmpdir(), 'atlas-batch-manifest-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  const file = join(directory, 'loan.json');
  await writeFile(file, bytes);
  return { file, run: await runCli(['submit', '--manifest', file, '--dry-run', '--json']) };
}

test.each([
  ['UTF-8', Buffer.from(TEXT)],
  ['UTF-16 LE', Buffer.from(TEXT, 'utf16le')],
  ['UTF-16 BE', Buffer.from(TEXT, 'utf16le').swap16()],
])('a manifest in %s with a byte order mark is read', async (_, bytes) => {
  const { run } = await submit(bytes);
  expect([run.stderr, JSON.parse(run.stdout || 'null')]).toEqual(['', MANIFEST]);
});

test('a manifest in no known encoding is named, and what to do', async () => {
  const { file, run } = await submit(Buffer.from(JSON.stringify({ reference: 'é' }), 'latin1'));
  expect(run).toEqual({
    code: 2,
    stdout: '',
    stderr: `the manifest ${file} is not UTF-8, nor UTF-16 with a byte order mark; save it as UTF-8\n`,
  });
});
