import fc from 'fast-check';
import { expect, it } from 'vitest';
import { connect } from '../atlas/redis-connection.js';
import { testRedis } from '../helpers/redis.js';
import { modelState, redisState } from './gate-states.js';
import { GateWorld, type TestJob, UPLOADS } from './gate-world.js';

const DAY_MS = 86_400_000;
/** Documents of an upload. */
const LARGEST = 12;
const bound = fc.oneof({ weight: 4, arbitrary: fc.integer({ min: 1, max: 20 }) }, fc.constant(0));
/** Without either there is no gate: its sweep drains what another one has left, which has a test of its own. */
const bounds = fc
  .record({ limit: bound, quota: bound })
  .filter(({ limit, quota }) => limit > 0 || quota > 0);

const FLOWS = [
  { name: '/urgent', weight: 100 },
  { name: 'loans/normal', weight: 10 },
  { name: 'loans/bulk', weight: 1 },
];

const jobs = fc
  .array(
    fc.record({
      flow: fc.constantFrom(...FLOWS),
      sizes: fc.array(fc.integer({ min: 1, max: LARGEST }), { minLength: 1, maxLength: UPLOADS }),
    }),
    { minLength: 1, maxLength: 6 },
  )
  .map((list) =>
    list.map(
      ({ flow, sizes }, n): TestJob => ({
        id: `batch-${n}`,
        flow,
        uploads: sizes.map((documentCount) => ({ documentCount, state: 'planned' })),
        place: 'wait',
        asked: false,
        token: `t${n}`,
      }),
    ),
  );

const job = fc.nat({ max: 5 });
const times = fc.integer({ min: 1, max: 2 });
const flag = fc.boolean();
type Step = (world: GateWorld) => Promise<void>;
const on = (n: number, act: (world: GateWorld, job: TestJob) => Promise<void>): Step => {
  return async (world) => {
    const meant = world.jobs[n % world.jobs.length];
    if (meant) await act(world, meant);
  };
};
const rarely = fc.integer({ min: 0, max: 9 }).map((n) => n === 0);

/** What may happen, each with its weight. */
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: job.map((n) => on(n, (world, one) => world.take(one))) },
  {
    weight: 6,
    arbitrary: fc
      .record({ n: job, times, dies: rarely, lost: rarely })
      .map(({ n, ...how }) => on(n, (world, one) => world.ask(one, how))),
  },
  {
    weight: 6,
    arbitrary: fc
      .record({ n: job, dies: flag, priority: rarely })
      .map(({ n, ...how }) => on(n, (world, one) => world.sleep(one, how))),
  },
  {
    weight: 6,
    arbitrary: fc
      .record({ n: job, index: fc.nat({ max: UPLOADS - 1 }), times, forgets: rarely })
      .map(({ n, index, ...how }) => on(n, (world, one) => world.endPoll(one, index, how))),
  },
  {
    weight: 1,
    arbitrary: fc
      .record({ n: job, index: fc.nat({ max: UPLOADS - 1 }) })
      .map(({ n, index }) => on(n, (world, one) => world.removePoll(one, index))),
  },
  { weight: 2, arbitrary: flag.map((): Step => (world) => world.age()) },
  { weight: 2, arbitrary: job.map((n) => on(n, (world, one) => world.end(one))) },
  { weight: 2, arbitrary: job.map((n) => on(n, (world, one) => world.die(one))) },
  {
    weight: 1,
    arbitrary: fc
      .record({ n: job, times })
      .map(({ n, times }) => on(n, (world, one) => world.fail(one, times))),
  },
  {
    weight: 1,
    arbitrary: fc
      .record({ n: job, times })
      .map(({ n, times }) => on(n, (world, one) => world.cancel(one, times))),
  },
  { weight: 1, arbitrary: job.map((n) => on(n, (world, one) => world.remove(one))) },
  {
    weight: 2,
    arbitrary: flag.map(
      (beside): Step =>
        (world) =>
          world.sweep({ beside }),
    ),
  },
  {
    weight: 1,
    arbitrary: fc
      .record({ n: job, index: fc.nat({ max: UPLOADS - 1 }) })
      .map(({ n, index }) => on(n, async (world, one) => world.halve(one, index))),
  },
  {
    weight: 1,
    arbitrary: flag.map(
      (isShut): Step =>
        async (world) =>
          world.shut(isShut),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(DAY_MS, DAY_MS, -1).map(
      (ms): Step =>
        async (world) =>
          world.moveClock(ms),
    ),
  },
  {
    weight: 1,
    arbitrary: flag.map(
      (isPaused): Step =>
        (world) =>
          world.pause(isPaused),
    ),
  },
);

/** Documents in flight never exceed the limit, but for one larger upload alone; nor a day its quota. */
function expectWithinBounds({ model, bounds }: GateWorld): void {
  const { limit, quota } = bounds;
  if (limit > 0 && model.inFlight.size > 1)
    expect(model.documentsInFlight).toBeLessThanOrEqual(limit);
  const isOneAlone = model.used.documents <= LARGEST;
  if (quota > 0 && !isOneAlone) expect(model.used.documents).toBeLessThanOrEqual(quota);
}

/** Everybody goes on, without errors, until all has ended. */
async function finish(world: GateWorld): Promise<void> {
  await world.pause(false);
  world.shut(false);
  for (let round = 0; round < 200; round += 1) {
    const left = world.jobs.filter(({ place }) => place !== 'ended' && place !== 'gone');
    if (left.length === 0) break;
    world.moveClock(DAY_MS);
    await world.age();
    await world.sweep();
    for (const one of left) {
      await world.take(one);
      await world.ask(one);
      await world.sleep(one);
      for (const index of one.uploads.keys()) await world.endPoll(one, index);
      await world.end(one);
      // One that waits for polls is woken by their end.
      if (one.place === 'active') await world.die(one);
    }
  }
  await world.sweep();
}

it('the scripts of the gate do what its model does, whatever dies, is repeated or is lost, and leave nothing', {
  timeout: 120_000,
}, async () => {
  const test = testRedis();
  const redis = connect(test);
  let n = 0;
  await fc.assert(
    fc.asyncProperty(
      jobs,
      bounds,
      // Of all lengths: by itself fast-check draws ten steps at most.
      fc.array(step, { maxLength: 60, size: 'max' }),
      async (list, bounds, steps) => {
        n += 1;
        const copies = structuredClone(list);
        const world = new GateWorld(redis, `${test.prefix}${n}`, bounds, copies);
        await world.start();
        for (const act of steps) {
          await act(world);
          expect(await redisState(world)).toEqual(modelState(world));
          expectWithinBounds(world);
        }
        await finish(world);
        expect(world.jobs.filter(({ place }) => place !== 'ended' && place !== 'gone')).toEqual([]);
        expect(await redisState(world)).toEqual(modelState(world));
        const left = await redis.keys(`${test.prefix}${n}:gate-*`);
        expect(left.filter((key) => !/-(?:on|swept|able|outage)$/.test(key))).toEqual([]);
      },
    ),
    { numRuns: 60 },
  );
});
