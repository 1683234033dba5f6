import { expect, it } from 'vitest';
import { batchesEnded } from '../helpers/batches-ended.js';
import { startSystem, startTestS3 } from '../helpers/system.js';
import { waitUntil } from '../helpers/wait-until.js';

const BATCHES = 10;
const SHARED = { bucket: 'kyc-documents', key: 'shared.pdf' };

it.each(['absent', 'denied'])(
  'a worker that reads in one bucket leaves batches to others whose second bucket is %s for it alone',
  async (how) => {
    const system = await startSystem({
      environment: { S3_ALLOWED_BUCKETS: 'kyc-documents,second' },
    });
    const other = await startTestS3();
    for (const s3 of [system.s3, other]) s3.put(SHARED.bucket, SHARED.key, 'scan');
    if (how === 'denied') {
      other.setFaults({
        rules: [{ fault: 'AccessDenied', match: ({ bucket }) => bucket === 'second' }],
      });
    }
    const add = async (reference: string) => {
      const key = `${reference}.pdf`;
      system.s3.put('second', key, 'scan');
      const documents = [
        { documentId: `${reference}-1`, ...SHARED },
        { documentId: `${reference}-2`, bucket: 'second', key },
      ];
      await system.add({ reference, productType: 'LOAN_APP', documents });
    };
    const good = await system.startWorker();
    await add('read');
    await system.event('done-read');
    await good.stop();

    const wrong = await system.startWorkerProcess({ AWS_ENDPOINT_URL_S3: other.url });
    const references = Array.from({ length: BATCHES }, (_, i) => `b${i}`);
    for (const reference of references) await add(reference);
    await waitUntil('the line of the log', () => wrong.output().includes('is not configured for'));
    expect(await system.completions.count()).toBe(1);
    await system.startWorker();
    await batchesEnded(system, 1 + BATCHES, 30_000);
    for (const reference of references) {
      expect((await system.event(`done-${reference}`)).data.status).toBe('completed');
    }
  },
);
