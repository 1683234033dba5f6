/** Measures the memory of a worker after some batches, and after ten times as many. */

import { residentMib } from '../process-usage.js';
import { setStage } from '../stage.js';

/** Few batches wait at the same time, since the memory of a long queue is not measured here. */
const ADDED_AT_ONCE = 2_000;
/** The mean of so many readings is taken: a single one depends on the last garbage collection. */
const READINGS = 3;

export interface ResidentSet {
  batches: number;
  mib: number;
}

/** @param marks numbers of batches, ascending */
export async function measureResidentSet(marks: readonly number[]): Promise<ResidentSet[]> {
  const stage = await setStage();
  try {
    const [pid = 0] = await stage.start('atlas-batch');
    const sizes: ResidentSet[] = [];
    const readings: number[] = [];
    let done = 0;
    for (const batches of marks) {
      while (done < batches) {
        await stage.enqueue(done, done + ADDED_AT_ONCE);
        done += ADDED_AT_ONCE;
        await stage.completed(done);
        readings.push(residentMib(pid));
      }
      const last = readings.slice(-READINGS);
      sizes.push({ batches, mib: last.reduce((sum, mib) => sum + mib, 0) / last.length });
    }
    return sizes;
  } finally {
    await stage.stop();
  }
}
