/** A command of the gate is done, its reply is lost with the connection, and it is sent again. */
import { beforeEach, expect, it } from 'vitest';
import { Gate } from '../../src/gate/gate.js';
import { readLine } from '../../src/gate/line.js';
import { redisTimeMs } from '../../src/redis/clock.js';
import { connect } from '../atlas/redis-connection.js';
import { testRedis } from '../helpers/redis.js';
import { startTcpValve } from '../helpers/tcp-valve.js';

const FLOW = { name: '/normal', weight: 10 };
const LIMIT = 3;
const QUOTA = 10;
const MINUTE_MS = 60_000;

async function startGate() {
  const { url, prefix } = testRedis();
  const redis = connect({ url, prefix });
  const valve = await startTcpValve(Number(new URL(url).port));
  const throughValve = new URL(url);
  throughValve.port = String(valve.port);
  const cutOff = connect({ url: throughValve.href, prefix });
  cutOff.on('error', () => {});
  const gate = new Gate({
    redis: cutOff,
    config: {
      QUEUE_PREFIX: prefix,
      ATLAS_MAX_DOCUMENTS_IN_FLIGHT: LIMIT,
      ATLAS_MAX_DOCUMENTS_PER_DAY: QUOTA,
      QUOTA_TIMEZONE: 'UTC',
    },
    clock: { now: () => 0 },
    whyShut: () => null,
    noticeRefusal: async () => {},
    onError(error) {
      throw error;
    },
  });
  const jobs = `${prefix}:atlas-batches:`;
  const heldOf = async (id: string) => {
    await redis.hset(jobs + id, 'timestamp', 1);
    await redis.set(`${jobs}${id}:lock`, 't');
    return { lockKey: `${jobs}${id}:lock`, token: 't', jobId: id };
  };
  const ask = async (id: string, documentCount: number) => {
    const held = await heldOf(id);
    const question = { flow: FLOW, leftMs: 1000, holders: [] };
    return gate.ask(held, [{ member: `${id}@1/1.0`, documentCount }], question);
  };
  const leave = async (id: string, keepsPlace: boolean) => {
    const members = { unsent: [`${id}@1/1.0`], others: [] };
    const place = keepsPlace ? { keepsPlace } : { keepsPlace, flow: FLOW.name };
    return gate.leave(await heldOf(id), members, place);
  };
  const counts = async () => ({
    inFlight: await redis.hget(`${prefix}:gate-state`, 'documents'),
    used: await redis.hget(`${prefix}:quota-used`, 'documents'),
    waiting: await redis.hget(`${prefix}:gate-state`, 'waiting-normal'),
  });
  const placeOf = async (id: string) => redis.zscore(`${prefix}:gate-line`, `${id}@1/1.0`);
  const lineNow = async () => readLine(redis, prefix, await redisTimeMs(redis));
  return { redis, prefix, valve, gate, ask, leave, counts, placeOf, lineNow };
}

let world: Awaited<ReturnType<typeof startGate>>;
beforeEach(async () => {
  world = await startGate();
  await world.ask('first', LIMIT);
  for (const id of ['second', 'third']) await world.ask(id, 2);
});

it('an upload whose question is repeated counts once, in line and in flight', async () => {
  const { valve, ask, leave, counts } = world;
  expect(await counts()).toEqual({ inFlight: '3', used: '3', waiting: '4' });
  valve.swallowReply();
  expect((await ask('fourth', 1)).members.size).toBe(0);
  expect(await counts()).toEqual({ inFlight: '3', used: '3', waiting: '5' });
  await leave('first', false);
  valve.swallowReply();
  expect((await ask('second', 2)).members.size).toBe(1);
  expect(await counts()).toEqual({ inFlight: '2', used: '2', waiting: '3' });
});

it.each(['in line', 'admitted'])(
  'the place of an upload that was %s is kept though the reply to its leaving is lost, and its quota is given back once',
  async (where) => {
    const { valve, ask, leave, counts, placeOf } = world;
    const place = Number(await placeOf('second'));
    if (where === 'admitted') {
      await leave('first', false);
      await ask('second', 2);
    }
    valve.swallowReply();
    expect(await leave('second', true)).toEqual([place]);
    await ask('fourth', 2);
    await ask('second', 3);
    if (where === 'in line') expect(Number(await placeOf('second'))).toBe(place);
    expect((await counts()).used).toBe('3');
  },
);

it('an upload that comes back after an error has waited since it asked first, and so has one that was admitted meanwhile', async () => {
  const { redis, prefix, ask, leave, lineNow } = world;
  await redis.zincrby(`${prefix}:gate-line-normal`, -MINUTE_MS, 'second@1/1.0');
  await leave('second', true);
  expect((await lineNow()).waiting.normal.oldestMs).toBeLessThan(MINUTE_MS);
  await ask('second', 2);
  expect((await lineNow()).waiting.normal.oldestMs).toBeGreaterThanOrEqual(MINUTE_MS);
  await leave('first', false);
  expect((await ask('second', 2)).members.size).toBe(1);
  await leave('second', true);
  await redis.set(`${prefix}:gate-pause`, '{}');
  await ask('second', 2);
  expect((await lineNow()).waiting.normal.oldestMs).toBeGreaterThanOrEqual(MINUTE_MS);
});

it('a place that was kept is given up by one that ends, whatever its batch knows of it: those behind move up', async () => {
  const { gate, leave, placeOf } = world;
  const place = Number(await placeOf('second'));
  await leave('second', true);
  await leave('second', false);
  await gate.sweep();
  expect(Number(await placeOf('third'))).toBe(place);
});
