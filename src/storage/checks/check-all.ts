/** Checks many objects side by side, and tells of each as soon as it is known. */
import pLimit from 'p-limit';
import type { ObjectReference } from '../s3-request.js';
import type { Verdict } from './verdict.js';

/**
 * Requests in flight per call. A hundred documents take a few round trips, and a batch of ten thousand
 * leaves connections for others.
 */
const IN_FLIGHT = 16;

/**
 * After the first error no further object is asked for. What is under way is still told of, so that
 * the next pass need not ask for it again.
 * @throws whatever `check` threw first.
 */
export async function checkAll(
  objects: readonly ObjectReference[],
  check: (object: ObjectReference) => Promise<Verdict>,
  onVerdict: (position: number, verdict: Verdict) => void,
): Promise<void> {
  let failure: { error: unknown } | undefined;
  await pLimit(IN_FLIGHT).map(objects, async (object, position) => {
    if (failure) return;
    try {
      onVerdict(position, await check(object));
    } catch (error) {
      failure ??= { error };
    }
  });
  if (failure) throw failure.error;
}
