/** Lists of batches by state, in pages. They are read from BullMQ's own sets, without a scan. */
import type { JobType } from 'bullmq';
import type { ClientQueues } from './client-queues.js';

export const SECTIONS = {
  'in-flight': ['active', 'delayed', 'waiting-children', 'wait', 'prioritized'],
  failed: ['failed'],
  completed: ['completed'],
} as const satisfies Record<string, readonly JobType[]>;

export type Section = keyof typeof SECTIONS;

export const ALL_TYPES: readonly JobType[] = Object.values(SECTIONS).flat();

export function isSection(text: string): text is Section {
  return Object.hasOwn(SECTIONS, text);
}

/** How many batches each list holds. */
export async function countSections({ batches }: ClientQueues): Promise<Record<Section, number>> {
  const counts = await batches.getJobCounts(...ALL_TYPES);
  const sum = (types: readonly JobType[]) =>
    types.reduce((total, type) => total + (counts[type] ?? 0), 0);
  return {
    'in-flight': sum(SECTIONS['in-flight']),
    failed: sum(SECTIONS.failed),
    completed: sum(SECTIONS.completed),
  };
}

/**
 * Ids of jobs, from the `offset`-th on: one type after the other, the newest first in each. A job
 * that moves meanwhile may be met twice or not at all.
 */
export async function idsFrom(
  { batches }: ClientQueues,
  types: readonly JobType[],
  offset: number,
  limit: number,
): Promise<string[]> {
  const counts = await batches.getJobCounts(...types);
  const ids: string[] = [];
  let before = 0;
  for (const type of types) {
    const count = counts[type] ?? 0;
    const from = Math.max(0, offset - before);
    const wanted = limit - ids.length;
    if (wanted > 0 && from < count) {
      const range = await batches.getRanges([type], from, from + wanted - 1, false);
      ids.push(...range.slice(0, wanted));
    }
    before += count;
  }
  return ids;
}
