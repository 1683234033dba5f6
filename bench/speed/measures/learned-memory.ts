/** Measures the memory of what the learning policy has learned. */
import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { createLearningPolicy } from '../../../src/polling/learning-policy.js';
import type { Observation } from '../../../src/polling/poll-policy.js';

const PRODUCT_TYPES = 50;
/** More product types than are remembered. */
const FLOOD = 5_000;

export interface LearnedMemory {
  /** Of a product type with uploads of every size and progress of every kind. */
  productTypeBytes: number;
  /** What a second flood of product types adds to a first. */
  floodBytes: number;
}

export async function measureLearnedMemory(): Promise<LearnedMemory> {
  return { productTypeBytes: await ofProductType(), floodBytes: await ofFlood() };
}

async function ofProductType(): Promise<number> {
  const policy = createLearningPolicy();
  for (const one of varied('warm-up')) policy.observe(one);
  const before = await usedBytes();
  for (let i = 0; i < PRODUCT_TYPES; i += 1) {
    for (const one of varied(`p${i}`)) policy.observe(one);
  }
  const bytes = ((await usedBytes()) - before) / PRODUCT_TYPES;
  // Used after the reading, so that the policy is still there when it is read.
  policy.observe(observation('p0', 10_000));
  return bytes;
}

async function ofFlood(): Promise<number> {
  const policy = createLearningPolicy();
  const flood = (from: number) => {
    for (let i = from; i < from + FLOOD; i += 1) {
      policy.observe(observation(`flood-${i}`, 20_000, { sentAtMs: 1e9 }));
    }
  };
  flood(0);
  const before = await usedBytes();
  flood(FLOOD);
  const bytes = (await usedBytes()) - before;
  policy.observe(observation('flood-0', 20_000));
  return bytes;
}

function observation(
  productType: string,
  completionMs: number,
  more: Partial<Observation> = {},
): Observation {
  return {
    productType,
    total: 4,
    afterMs: completionMs * 0.95,
    byMs: completionMs * 1.02,
    timedOut: false,
    negativePolls: [],
    ...more,
  };
}

/** Uploads of every size, many of them with progress of every kind. */
function varied(productType: string): Observation[] {
  return Array.from({ length: 140 }, (_, index) => {
    const total = 2 ** (index % 12);
    const polls = index < 72 ? 8 : 0;
    return observation(productType, 10_000 + index * 20, {
      total,
      sentAtMs: 1_000_000 + index * 3_000,
      negativePolls: Array.from({ length: polls }, (_, poll) => ({
        elapsedMs: (poll + 1) * 1_000,
        present: Math.floor((total * (poll + (index % 7) / 7)) / polls),
      })),
    });
  });
}

setFlagsFromString('--expose-gc');
const collect: () => void = runInNewContext('gc');

/** Buffers are let go of between turns of the event loop, so one collection is not enough. */
async function usedBytes(): Promise<number> {
  for (let turn = 0; turn < 3; turn += 1) {
    await setImmediate();
    collect();
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}
