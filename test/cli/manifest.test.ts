import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { openTestQueues } from '../helpers/test-queues.js';
import { runCommand } from './run-command.js';

const MANIFEST = {
  reference: 'loan-8841',
  productType: 'LOAN_APP',
  documents: [{ documentId: 'पैन', bucket: 'kyc', key: '8841/पैन.jpg' }],
};
const TEXT = `\ufeff${JSON.stringify(MANIFEST)}`;

async function submit(bytes: Buffer, options: readonly string[] = []) {
  const directory = await mkdtemp(join(tmpdir(), 'atlas-batch-manifest-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  const file = join(directory, 'loan.json');
  await writeFile(file, bytes);
  const args = ['submit', '--manifest', file, '--dry-run', '--json', ...options];
  return { file, run: await runCommand(args) };
}

test.each([
  ['UTF-8', Buffer.from(TEXT)],
  ['UTF-16 LE', Buffer.from(TEXT, 'utf16le')],
  ['UTF-16 BE', Buffer.from(TEXT, 'utf16le').swap16()],
])('a manifest in %s with a byte order mark is read', async (_, bytes) => {
  const { run } = await submit(bytes);
  expect([run.stderr, JSON.parse(run.stdout || 'null')]).toEqual(['', MANIFEST]);
});

test.each([
  ['ISO 8859-1', Buffer.from(JSON.stringify({ reference: 'é' }), 'latin1')],
  ['UTF-16 LE without a mark', Buffer.from('{"reference":"a"}', 'utf16le')],
  ['UTF-16 BE without a mark', Buffer.from('{"reference":"a"}', 'utf16le').swap16()],
])('a manifest in %s is named, and what to do', async (_, bytes) => {
  const { file, run } = await submit(bytes);
  expect(run).toEqual({
    code: 2,
    stdout: '',
    stderr: `the manifest ${file} is not UTF-8, nor UTF-16 with a byte order mark; save it as UTF-8\n`,
  });
});

const SECOND = { ...MANIFEST, reference: 'loan-8842' };

test.each([
  ['a list', JSON.stringify([MANIFEST, SECOND], null, 2)],
  ['one a line', `${JSON.stringify(MANIFEST)}\n\n${JSON.stringify(SECOND)}\r\n`],
])('a manifest of several batches as %s is read', async (_, text) => {
  const { run } = await submit(Buffer.from(text));
  const read = run.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line || 'null'));
  expect([run.code, run.stderr, read]).toEqual([0, '', [MANIFEST, SECOND]]);
});

test.each([
  [
    '{\n"reference": "a"',
    /^the manifest \S+ is not valid JSON at line 2, column 17: expected "," or "}", found the end$/m,
  ],
  [`${'['.repeat(500)}${']'.repeat(500)}`, /^The batch is not valid:$/m],
  [
    `${JSON.stringify(MANIFEST)}\n  {"reference": None}\n`,
    /^line 2 of the manifest \S+ is not valid JSON at column 17: expected a value, found "N"$/m,
  ],
  ['', /^the manifest \S+ holds no batch$/m],
  [' \r\n\n', /^the manifest \S+ holds no batch$/m],
  ['[]', /^the manifest \S+ holds no batch$/m],
  [
    `${JSON.stringify(MANIFEST)}\n{"ref`,
    /^line 2 of the manifest \S+ is not valid JSON at column 6: expected a closing quotation mark, found the end$/m,
  ],
  [
    '{"reference":"a","documents":[{"key":"1"}],"productType":"X","documents":[]}',
    /^the manifest \S+ has "documents" twice in one object, and only the last would count$/m,
  ],
  [
    `${JSON.stringify(MANIFEST)}\n{"documents":[{"key":"1","k\\u0065y":"2"}]}`,
    /^line 2 of the manifest \S+ has "key" twice in one object, and only the last would count$/m,
  ],
  [JSON.stringify([MANIFEST, { ...SECOND, productType: 5 }]), /^ {2}batches\[1\]: productType /m],
])('the manifest %j is refused in a sentence', async (text, says) => {
  const { run } = await submit(Buffer.from(text));
  expect([run.code, run.stdout]).toEqual([2, '']);
  expect(run.stderr).toMatch(says);
});

test('of the issues of many bad batches the first are told, and all with --json', async () => {
  const bad = Array.from({ length: 5000 }, (_, i) => ({ ...MANIFEST, reference: `a b ${i}` }));
  const args = ['submit', '--manifest', '-', '--dry-run'];
  const some = await runCommand(args, {}, JSON.stringify(bad));
  const lines = some.stderr.trimEnd().split('\n');
  expect([some.code, some.stdout, lines.length, lines.at(-1)]).toEqual([
    ...[2, '', 22],
    '  … and 4,980 more; --json shows all',
  ]);
  expect(lines.slice(0, 2)).toEqual([
    'The batch is not valid:',
    expect.stringMatching(/^ {2}batches\[0\]: reference must be /),
  ]);
  const all = await runCommand([...args, '--json'], {}, JSON.stringify(bad));
  expect([all.code, all.stdout, all.stderr.trimEnd().split('\n').length]).toEqual([2, '', 5001]);
});

test('a repeated key is told as other names from outside are: cut, and without controls', async () => {
  const key = `\u202e${'k'.repeat(5000)}`;
  const { run } = await submit(Buffer.from(`{"${key}":1,"${key}":2}`));
  expect(run.code).toBe(2);
  expect(run.stderr).toContain(
    ` has "\\u{202e}${'k'.repeat(63)}…" twice in one object, and only the last would count`,
  );
});

test('a dry run lists the documents, and no more than a person reads', async () => {
  const many = {
    ...MANIFEST,
    documents: Array.from({ length: 500 }, (_, i) => ({
      documentId: `${i}`,
      bucket: 'kyc',
      key: `8841/${i}.jpg`,
    })),
  };
  const text = Array.from({ length: 30 }, (_, i) =>
    JSON.stringify({ ...many, reference: `loan-${i}` }),
  ).join('\n');
  const { stdout } = await runCommand(['submit', '--manifest', '-', '--dry-run'], {}, text);
  const lines = stdout.trim().split('\n');
  expect(lines.slice(0, 2)).toEqual([
    'loan-0  LOAN_APP  500 documents',
    '  0  s3://kyc/8841/0.jpg',
  ]);
  expect(lines).toContain('  … 490 more; --json shows all');
  expect(lines.slice(-2)).toEqual([
    '… 10 more batches; --json shows all',
    '30 batches would be sent',
  ]);
  expect(lines.length).toBeLessThan(300);
});

const OTHER = { ...MANIFEST, productType: 'KYC' };
const REPEATED = [MANIFEST, SECOND, MANIFEST, OTHER];
const REPETITIONS = [
  'batches[2]: the same batch as loan-8841 before it; it would be known already',
  'batches[3]: another batch before it has the reference loan-8841; it would not be added',
].join('\n');

test('a dry run counts a reference once, and says of the others what a submit would do', async () => {
  const { queues, url, prefix } = openTestQueues();
  const { run } = await submit(Buffer.from(JSON.stringify(REPEATED)));
  const sent = run.stdout.trim().split('\n');
  expect([run.code, run.stderr]).toEqual([1, `${REPETITIONS}\n`]);
  expect(sent.map((line) => JSON.parse(line))).toEqual([MANIFEST, SECOND]);
  const manifest = ['submit', '--manifest', '-'];
  const text = await runCommand([...manifest, '--dry-run'], {}, JSON.stringify(REPEATED));
  expect([text.code, text.stderr]).toEqual([1, `${REPETITIONS}\n`]);
  expect(text.stdout).toMatch(/\n2 batches would be sent\n$/);
  const variables = { REDIS_URL: url, QUEUE_PREFIX: prefix };
  const real = await runCommand([...manifest, '--json'], variables, JSON.stringify(REPEATED));
  const results = real.stdout.trim().split('\n');
  expect([real.code, results.map((line) => JSON.parse(line).status)]).toEqual([
    1,
    ['added', 'added', 'duplicate', 'conflict'],
  ]);
  expect(await queues.batches.getWaitingCount()).toBe(2);
});

test('a dry run in which a reference comes again with the same batch only is fine', async () => {
  const batches = [MANIFEST, ...Array.from({ length: 25 }, () => MANIFEST)];
  const { run } = await submit(Buffer.from(JSON.stringify(batches)));
  const lines = run.stderr.trim().split('\n');
  expect([run.code, lines.length, lines.at(-1)]).toEqual([0, 21, '… and 5 more']);
});

test.each([
  ['--priority', 'priority must be urgent, normal or bulk'],
  ['--tenant', 'tenant must be 1 to 64 of A-Z a-z 0-9 . _ -'],
])(
  'an empty %s, as a shell variable that is not set gives it, is refused',
  async (option, says) => {
    const { run } = await submit(Buffer.from(TEXT), [option, '']);
    expect([run.code, run.stdout]).toEqual([2, '']);
    expect(run.stderr).toContain(says);
  },
);

test.each([
  [['--priority', 'urgent', '--tenant', 'branch-12'], { priority: 'urgent', tenant: 'branch-12' }],
  [[], { priority: 'bulk', tenant: 'of-the-manifest' }],
])('submit with the options %j adds the job of every batch with %j', async (options, expected) => {
  const { queues, url, prefix } = openTestQueues();
  const ofManifest = { priority: 'bulk', tenant: 'of-the-manifest', metadata: { case: '4711' } };
  const batches = ['a', 'b'].map((reference) => ({ ...MANIFEST, ...ofManifest, reference }));
  const run = await runCommand(
    ['submit', '--manifest', '-', ...options],
    { REDIS_URL: url, QUEUE_PREFIX: prefix },
    JSON.stringify(batches),
  );
  expect(run).toEqual({ code: 0, stdout: 'a: added\nb: added\n', stderr: '' });
  const jobs = await Promise.all(['a', 'b'].map((name) => queues.batches.getJob(`batch-${name}`)));
  expect(jobs.map((job) => job?.data)).toEqual(batches.map((batch) => ({ ...batch, ...expected })));
});
