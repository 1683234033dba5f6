import type { Job } from 'bullmq';
import { expect, it } from 'vitest';
import { eventJobIdsOf } from '../../../src/batches/find-summary.js';
import { newBatchState } from '../../../src/jobs/state/batch-state.js';

const withOutcomes = (outcomes: number) =>
  ({ progress: { ...newBatchState(0, 0), outcomes } }) as unknown as Job;

it.each([
  ['nobody knows how many', null, ['done-loan', 'done-loan~8']],
  ['there were three', withOutcomes(3), ['done-loan', 'done-loan~8']],
  ['there were eleven', withOutcomes(11), ['done-loan~4', 'done-loan~11']],
])('of the events of a batch the latest eight are read where %s', (_, job, ends) => {
  const ids = eventJobIdsOf('loan', job);
  expect(ids).toHaveLength(8);
  expect([ids[0], ids[7]]).toEqual(ends);
});
