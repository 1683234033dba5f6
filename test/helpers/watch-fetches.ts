import { Worker } from 'bullmq';
import { onTestFinished, vi } from 'vitest';
import * as timeouts from '../../src/timeouts.js';

/** The method of BullMQ that fetches a job is protected. */
interface Fetcher {
  moveToActive(token: string): unknown;
}

/** Counts the fetches of all workers of the test, and lists the pauses between them in ms. */
export function watchFetches(): { fetches(): number; pauses(): number[] } {
  const fetch = vi.spyOn(Worker.prototype as object as Fetcher, 'moveToActive');
  const pause = vi.spyOn(timeouts, 'pause');
  onTestFinished(() => {
    fetch.mockRestore();
    pause.mockRestore();
  });
  return {
    fetches: () => fetch.mock.calls.length,
    pauses: () => pause.mock.calls.map(([ms]) => ms),
  };
}
