import fc from 'fast-check';
import { expect, it } from 'vitest';
import { RequestLimit } from '../../../src/simulator/atlas/request-limit.js';

it('a request limit admits its number in any sliding second, and no fewer', () => {
  const gaps = fc.array(fc.integer({ min: 0, max: 400 }), { maxLength: 80 });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5 }), gaps, (perSecond, steps) => {
      const limit = new RequestLimit(perSecond);
      const taken: number[] = [];
      let now = 0;
      for (const step of steps) {
        now += step;
        const lastSecond = taken.filter((time) => now - time < 1000);
        expect(limit.takes(now)).toBe(lastSecond.length < perSecond);
        if (lastSecond.length < perSecond) taken.push(now);
      }
    }),
  );
});

it('a request limit of 0 admits all requests', () => {
  const limit = new RequestLimit(0);
  expect([0, 0, 0].map((now) => limit.takes(now))).toEqual([true, true, true]);
});
