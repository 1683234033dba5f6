import type { Redis } from 'ioredis';
import { expect, it, vi } from 'vitest';
import { SentUploads } from '../../../../src/workers/batch/upload/sent-uploads.js';
import type { SendResult } from '../../../../src/workers/batch/upload/upload-transitions.js';
import { SILENT } from '../../../server/test-server.js';

function sentUploads() {
  const error = vi.fn();
  const logger = { ...SILENT, error };
  const uploads = new SentUploads({ redis: {} as Redis, prefix: 'p', receiptTtlMs: 1, logger });
  const refused = async (nonce: string, result: SendResult) => {
    const attempt = () => Promise.reject(new Error('OOM'));
    await uploads.write(nonce, { reference: `batch-${nonce}`, result }, attempt).catch(() => {});
  };
  return { uploads, refused, said: () => error.mock.calls };
}

it('a worker that ends names the uploads that Atlas may have and Redis knows nothing of, once', () => {
  const { uploads, refused, said } = sentUploads();
  uploads.begin('hanging', 'batch-hanging');
  uploads.goOut('hanging');
  void refused('taken', { kind: 'accepted', atlasBatchId: 'BATCH-1', sentAt: 0 });
  // Nothing of these was sent.
  uploads.begin('unsaved', 'batch-unsaved');
  void refused('refused', { kind: 'not-taken' });
  uploads.stop();
  uploads.stop();
  const unknown = [
    { reference: 'batch-hanging', atlasBatchId: null },
    { reference: 'batch-taken', atlasBatchId: 'BATCH-1' },
  ];
  expect(uploads.unknown).toEqual(unknown);
  expect(said()).toEqual([
    [
      { uploads: unknown },
      expect.stringMatching(/2 uploads are unknown.*: batch-hanging, batch-taken \(BATCH-1\); /),
    ],
  ]);
});

it('a worker that ends and has saved everything says nothing', async () => {
  const { uploads, said } = sentUploads();
  uploads.begin('saved', 'batch-saved');
  uploads.goOut('saved');
  const result = { kind: 'accepted', atlasBatchId: 'BATCH-1', sentAt: 0 } as const;
  await uploads.write('saved', { reference: 'batch-saved', result }, async () => {});
  uploads.stop();
  expect([uploads.unknown, said()]).toEqual([[], []]);
});
