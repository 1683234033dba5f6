import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, it } from 'vitest';
import { readCallback } from '../../../src/server/callbacks/read-callback.js';
import { WakeQueue } from '../../../src/server/callbacks/wake-queue.js';

/** A wake queue whose wakes wait until they are let go. */
function heldWakeQueue() {
  const woken: [string, string[] | undefined][] = [];
  const held: (() => void)[] = [];
  const queue = new WakeQueue((reference, ids) => {
    woken.push([reference, ids && [...ids]]);
    return new Promise((resolve) => held.push(resolve));
  });
  const letGo = () => {
    for (const resolve of held.splice(0)) resolve();
  };
  return { queue, woken, letGo };
}

const ids = (...names: string[]) => new Set(names);

it('the wake queue wakes a batch again that is being woken, and once one that waits', async () => {
  const { queue, woken, letGo } = heldWakeQueue();
  for (let i = 0; i < 16; i += 1) expect(queue.add(`busy-${i}`, ids('1'))).toBe('queued');
  expect(queue.add('busy-0', ids('2'))).toBe('queued');
  expect(queue.add('busy-0', ids('3'))).toBe('duplicate');
  expect(woken).toHaveLength(16);
  letGo();
  const stopped = queue.stop();
  await Promise.resolve();
  while (woken.length < 17) await new Promise(setImmediate);
  letGo();
  await stopped;
  expect(woken.at(-1)).toEqual(['busy-0', ['2', '3']]);
});

it('the wake queue holds a bounded number of ids, however many batches of however many wait', async () => {
  const woken: (ReadonlySet<string> | undefined)[] = [];
  let letGo = () => {};
  const held = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  const queue = new WakeQueue((_, ids) => {
    woken.push(ids);
    return held;
  });
  const some = Array.from({ length: 400 }, (_, i) => `${i}`);
  for (let i = 0; i < 1000; i += 1) queue.add(`loan-${i}`, ids(...some));
  queue.add('loan-999', ids('1'));
  letGo();
  await queue.stop();
  const kept = woken.slice(16).reduce((sum, set) => sum + (set?.size ?? 0), 0);
  expect(woken).toHaveLength(1000);
  expect(kept).toBe(100_000);
  // Those that were too many wake all uploads of their batch.
  expect(woken.at(-1)).toBeUndefined();
});

it('what waits holds nothing of the blanks that its ids were filled up with', () => {
  setFlagsFromString('--expose-gc');
  const collect: () => void = runInNewContext('gc');
  const { queue } = heldWakeQueue();
  const blanks = ' '.repeat(2_000_000);
  collect();
  const before = process.memoryUsage().heapUsed;
  for (let i = 0; i < 40; i += 1) {
    const id = `${blanks}LOAN-2026-07-${1000 + i}/12345678901234${1000 + i}${blanks}`;
    const { documentIds } = readCallback(JSON.stringify({ data: [{ document_id: id }] })) ?? {};
    for (const entry of documentIds ?? []) queue.add(...entry);
  }
  collect();
  const held = process.memoryUsage().heapUsed - before;
  expect(held / (40 * 2 * blanks.length)).toBeLessThan(0.1);
});

it('the wake queue drops what does not fit, and keeps no more ids than it needs', async () => {
  const { queue, woken, letGo } = heldWakeQueue();
  const results = Array.from({ length: 10_100 }, (_, i) => queue.add(`loan-${i}`, ids('1')));
  expect(results.filter((result) => result === 'dropped')).toHaveLength(100 - 16);
  const many = new Set(Array.from({ length: 2000 }, (_, i) => `${i}`));
  expect(queue.add('loan-16', many)).toBe('duplicate');
  letGo();
  while (woken.length < 17) await new Promise(setImmediate);
  expect(woken[16]).toEqual(['loan-16', undefined]);
  const stopped = queue.stop();
  const draining = setInterval(letGo);
  await stopped;
  clearInterval(draining);
  expect(woken).toHaveLength(10_016);
  expect(queue.add('late', ids('1'))).toBe('dropped');
});
