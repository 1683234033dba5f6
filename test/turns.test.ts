import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { inTurn, TURN_FROM_BYTES } from '../src/turns.js';

const LARGE = TURN_FROM_BYTES;

it('between two pieces of large work timers fire, and small work does not wait', async () => {
  const order: string[] = [];
  const large = ['first', 'second', 'third'].map((name) =>
    inTurn(LARGE, () => {
      order.push(name);
      setTimeout(() => order.push('timer'), 0);
      // The clock of timers has whole milliseconds.
      for (const end = performance.now() + 2; performance.now() < end; );
    }),
  );
  await inTurn(LARGE - 1, () => order.push('small'));
  await Promise.all(large);
  await delay(1);
  expect(order).toEqual(['small', 'first', 'timer', 'second', 'timer', 'third', 'timer']);
});

it('the smallest piece is next, and none waits for ever', async () => {
  const order: number[] = [];
  const sizes = [9, 8, 7, 6, 1, 2, 3, 4, 5];
  await Promise.all(sizes.map((size) => inTurn(LARGE + size, () => order.push(size))));
  expect(order.toSorted()).toEqual(sizes.toSorted());
  // The first turn may be that of the oldest.
  expect(order.indexOf(1)).toBeLessThan(2);
  expect(order.indexOf(9)).toBeLessThan(4);
});

it('work in its turn gives what it returns, and rejects with what it throws', async () => {
  const failed = inTurn(LARGE, () => {
    throw new RangeError('no');
  });
  const succeeded = inTurn(LARGE, () => 7);
  await expect(failed).rejects.toThrow(RangeError);
  expect(await succeeded).toBe(7);
});
