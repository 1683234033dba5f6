import { expect } from 'vitest';

export const UPLOAD = {
  reference: 'loan-1',
  productType: 'LOAN_APP',
  files: [
    { file_url: 'https://s3.example.com/a?X-Amz-Signature=canary-signature', document_id: '1' },
  ],
};
export const PAGE = { page: 1, perPage: 50 };

/** What a promise rejects with; fails the test when it does not. */
export async function rejection(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => expect.fail('it did not fail'),
    (error: unknown) => error,
  );
}

/** One that is polled. */
export const BATCH = { reference: 'loan', atlasBatchId: 'B-1' };
