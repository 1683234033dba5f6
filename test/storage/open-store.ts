/** A store over the scripted S3, and the errors that it makes. */
import { expect, onTestFinished } from 'vitest';
import { TransientError } from '../../src/errors.js';
import type { Verdict } from '../../src/storage/checks/verdict.js';
import {
  createObjectStore,
  type ObjectStore,
  type ObjectStoreOptions,
} from '../../src/storage/object-store.js';
import type { ObjectReference } from '../../src/storage/s3-request.js';
import type { ScriptedS3 } from './scripted-s3.js';

export function openStore(s3: ScriptedS3, options: Partial<ObjectStoreOptions> = {}): ObjectStore {
  const store = createObjectStore({
    resultsBucket: 'results',
    presignExpiresSeconds: 3600,
    forcePathStyle: true,
    connections: 32,
    timeoutMs: 5_000,
    logger: { warn: () => {} },
    clientConfig: s3.clientConfig,
    ...options,
  });
  onTestFinished(() => store.close());
  return store;
}

/** What the store says of each object. */
export async function verdictsOf(
  store: ObjectStore,
  objects: readonly ObjectReference[],
  signal?: AbortSignal,
): Promise<Verdict[]> {
  const verdicts: Verdict[] = [];
  const note = (position: number, verdict: Verdict) => {
    verdicts[position] = verdict;
  };
  await store.check(objects, note, signal);
  return verdicts;
}

export async function errorOf(promise: Promise<unknown>): Promise<TransientError> {
  const error = await promise.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (!(error instanceof TransientError))
    throw new Error('expected a TransientError', { cause: error });
  expect(error.code).toBe('STORAGE');
  expect(error.message).not.toMatch(/canary|X-Amz|AKID|https?:/);
  return error;
}
