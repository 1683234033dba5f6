import { expect, test, vi } from 'vitest';
import { startSystem } from '../helpers/system.js';
import { runCli } from './run-cli.js';
import { runCommand } from './run-command.js';

vi.setConfig({ testTimeout: 60_000 });

test('submit --s3 lists the bucket, sends a batch for each folder, and waits for all', async () => {
  const system = await startSystem();
  await system.startWorker();
  for (const key of ['in/a/1.jpg', 'in/a/2.jpg', 'in/b/1.pdf']) {
    system.s3.put('kyc-documents', key, 'scan');
  }
  const args = ['submit', '--s3', 's3://kyc-documents/in/', '--product', 'LOAN_APP', '--by-folder'];
  const dry = await runCommand([...args, '--dry-run'], { ...system.environment, REDIS_URL: '' });
  expect(dry).toEqual({
    code: 0,
    stderr: '',
    stdout:
      'a  LOAN_APP  2 documents\n  1.jpg  s3://kyc-documents/in/a/1.jpg\n  2.jpg  s3://kyc-documents/in/a/2.jpg\n' +
      'b  LOAN_APP  1 document\n  1.pdf  s3://kyc-documents/in/b/1.pdf\n2 batches would be sent\n',
  });
  expect(await system.batches.getJobCounts('waiting')).toEqual({ waiting: 0 });

  const sent = await runCli([...args, '--wait', '--json'], system.environment);
  expect([sent.code, sent.stderr]).toEqual([0, '']);
  const summaries = sent.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(summaries).toEqual([
    (await system.event('done-a')).data,
    (await system.event('done-b')).data,
  ]);
  const again = await runCommand(args, system.environment);
  expect([again.code, again.stdout]).toEqual([
    0,
    'a: known already, completed\nb: known already, completed\n',
  ]);
});

test('submit --s3 says what is wrong with the bucket, and when there is nothing below', async () => {
  const { environment } = await startSystem();
  const submit = (uri: string, more: Record<string, string> = {}) =>
    runCommand(['submit', '--s3', uri, '--product', 'X', '--dry-run'], { ...environment, ...more });
  const missing = await submit('s3://nowhere/in/');
  expect([missing.code, missing.stderr]).toEqual([
    1,
    'cannot list s3://nowhere/in/: NoSuchBucket; create the bucket, or correct its name\n',
  ]);
  const wrongKeys = await submit('s3://nowhere/', { AWS_SECRET_ACCESS_KEY: 'wrong-canary' });
  expect(wrongKeys.stderr).toMatch(/SignatureDoesNotMatch; check AWS_ACCESS_KEY_ID/);
  expect(wrongKeys.stderr).not.toContain('canary');
});

test.each([301, 400] as const)(
  'submit --s3 follows a bucket into the region that S3 names by %i',
  async (status) => {
    const { s3, environment } = await startSystem();
    s3.put('kyc-documents', '8841/pan.jpg', 'scan');
    s3.setFaults({ rules: [{ fault: 'another-region', region: 'eu-west-1', status }] });
    const args = ['submit', '--s3', 's3://kyc-documents/8841', '--product', 'X', '--dry-run'];
    expect(await runCommand(args, environment)).toEqual({
      code: 0,
      stderr: '',
      stdout:
        '8841  X  1 document\n  pan.jpg  s3://kyc-documents/8841/pan.jpg\n1 batch would be sent\n',
    });
  },
);

test('submit --s3 takes a folder and not its neighbours, and says what is no document', async () => {
  const { s3, environment } = await startSystem();
  s3.put('kyc-documents', '8841/', '');
  s3.put('kyc-documents', '8841/.DS_Store', 'x');
  s3.put('kyc-documents', '8841/blank.jpg', '');
  s3.put('kyc-documents', '8841/pan.jpg', 'scan');
  s3.put('kyc-documents', '88410/pan.jpg', 'of somebody else');
  const submit = (folder: string, ...more: string[]) => {
    const uri = `s3://kyc-documents/${folder}`;
    return runCommand(['submit', '--s3', uri, '--product', 'X', '--dry-run', ...more], environment);
  };
  const { code, stdout, stderr } = await submit('8841', '--json');
  expect([code, JSON.parse(stdout)]).toEqual([
    0,
    {
      reference: '8841',
      productType: 'X',
      documents: [{ documentId: 'pan.jpg', bucket: 'kyc-documents', key: '8841/pan.jpg' }],
    },
  ]);
  expect(stderr).toBe(
    'left out, since they are no documents: 2 objects: 8841/.DS_Store (a file of the system), 8841/blank.jpg (empty)\n',
  );
  const nothing = await submit('884');
  expect([nothing.code, nothing.stderr]).toEqual([
    2,
    'there are no documents in s3://kyc-documents/884/\n',
  ]);
  expect((await submit('8841', '--reference', 'a/b')).stderr).toMatch(/a reference is 1 to 128 of/);
});

test('submit --s3 finds objects under their names, whatever characters are in them', async () => {
  const { s3, environment } = await startSystem();
  const keys = ['a b+c%20d&e;<f>.jpg', 'bell\u0007.jpg', 'line\r\nbreak.jpg', 'ü 😀.jpg', ' .jpg'];
  for (const key of keys) s3.put('kyc-documents', `odd +/${key}`, 'scan');
  const uri = 's3://kyc-documents/odd +/';
  const args = ['submit', '--s3', uri, '--product', 'X', '--dry-run', '--json'];
  const { stdout, stderr } = await runCommand(args, environment);
  expect(stderr).toBe('');
  const found = JSON.parse(stdout).documents.map(({ key }: { key: string }) => key);
  expect(found.sort()).toEqual(keys.map((key) => `odd +/${key}`).sort());
});

test.each([
  [['--s3', 's3://kyc/'], /--s3 needs --product TYPE/],
  [['--s3', 's3://Kyc_Docs/in', '--product', 'X'], /Kyc_Docs must be the name of a bucket/],
  [['--s3', 'kyc', '--product', 'X'], /--s3 must be s3:\/\/bucket\/prefix\//],
  [['--s3', 's3://kyc/', '--manifest', 'x'], /^--manifest and --s3 exclude each other/],
  [['--product', 'X'], /^say what to submit/],
  [['--manifest', 'x', '--by-folder'], /go with --s3 only/],
])('submit %j is wrong usage', async (args, says) => {
  const { code, stderr } = await runCommand(['submit', ...args]);
  expect(code).toBe(2);
  expect(stderr).toMatch(says);
});
