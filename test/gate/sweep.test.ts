/** What the sweep of one worker does for those that nobody else does anything for. */
import { expect, it, onTestFinished } from 'vitest';
import { Gate } from '../../src/gate/gate.js';
import { GateModel } from '../../src/gate/gate-model.js';
import { whyLineWaits } from '../../src/gate/line.js';
import { MAX_MOVED_UP } from '../../src/gate/line-model.js';
import { gateAbleKey, gateKeys, gateOnKey, gateSweepKey } from '../../src/jobs/keys/gate-keys.js';
import { connect } from '../atlas/redis-connection.js';
import { testRedis } from '../helpers/redis.js';

const QUESTION = { flow: { name: '/normal', weight: 10 }, leftMs: 1000, holders: [] };

/** The first is the one that it asks for with `ask` below. */
function uploadsOf(id: string, count: number) {
  const names = Array.from({ length: count }, (_, n) => `1.${n}`);
  return names.map((name) => ({ member: `${id}@1/${name}`, documentCount: 1 }));
}

function startGate() {
  const { url, prefix } = testRedis();
  const redis = connect({ url, prefix });
  onTestFinished(() => redis.disconnect());
  const withLimit = (limit: number, quota = 0, isShut = false) =>
    new Gate({
      redis,
      config: {
        QUEUE_PREFIX: prefix,
        ATLAS_MAX_DOCUMENTS_IN_FLIGHT: limit,
        ATLAS_MAX_DOCUMENTS_PER_DAY: quota,
        QUOTA_TIMEZONE: 'UTC',
      },
      clock: { now: () => 0 },
      whyShut: () => (isShut ? { code: 'ATLAS_UNAVAILABLE', message: 'down' } : null),
      noticeRefusal: async () => {},
      onError(error) {
        throw error;
      },
    });
  const jobs = `${prefix}:atlas-batches:`;
  const hold = async (id: string) => {
    await redis.hset(jobs + id, 'timestamp', 1);
    await redis.set(`${jobs}${id}:lock`, 't');
    return { lockKey: `${jobs}${id}:lock`, token: 't', jobId: id };
  };
  /** A job asks for one document, and sleeps when it is not admitted. */
  const ask = async (gate: Gate, id: string, holders: [string, string][] = []) => {
    const held = await hold(id);
    const member = `${id}@1/1.0`;
    const asked = await gate.ask(held, [{ member, documentCount: 1 }], { ...QUESTION, holders });
    if (!asked.members.has(member)) await redis.zadd(`${jobs}delayed`, 1, id);
    return asked.members.has(member);
  };
  const sweep = async (gate: Gate) => {
    await redis.del(gateSweepKey(prefix));
    await gate.sweep();
  };
  const waiting = async () => (await redis.lrange(`${jobs}wait`, 0, -1)).reverse();
  return { redis, prefix, withLimit, hold, ask, sweep, waiting };
}

it('an unknown attempt keeps its room until the time that its holder says, and no longer', async () => {
  const { redis, prefix, withLimit, ask, sweep, waiting } = startGate();
  const gate = withLimit(1);
  expect(await ask(gate, 'first')).toBe(true);
  const [seconds] = await redis.time();
  const now = Number(seconds) * 1000;
  expect(await ask(gate, 'second', [['first@1/1.0', `until ${now + 60_000}`]])).toBe(false);
  await sweep(gate);
  expect(await waiting()).toEqual([]);
  await redis.hset(`${prefix}:gate-holders`, 'first@1/1.0', `until ${now - 1}`);
  await sweep(gate);
  expect(await waiting()).toEqual(['second']);
});

it('a worker without bounds wakes what is left in line, in order, once none with bounds is there, and leaves nothing', async () => {
  const { redis, prefix, withLimit, ask, sweep, waiting } = startGate();
  const bounded = withLimit(1);
  await ask(bounded, 'first');
  for (const id of ['second', 'third', 'fourth']) await ask(bounded, id);
  await sweep(bounded);
  const free = withLimit(0);
  await sweep(free);
  expect(await waiting()).toEqual([]);
  await redis.del(gateOnKey(prefix));
  await sweep(free);
  expect(await waiting()).toEqual(['second', 'third', 'fourth']);
  const own = gateKeys(prefix).filter((key) => key.startsWith(`${prefix}:gate-`));
  expect(await redis.exists(own)).toBe(0);
});

it('a batch that is about to sleep in line when the line is drained is woken by the next sweep', async () => {
  const { redis, prefix, withLimit, ask, sweep, waiting } = startGate();
  const gate = withLimit(1);
  expect(await ask(gate, 'first')).toBe(true);
  expect(await ask(gate, 'second')).toBe(false);
  // Not yet asleep.
  const delayed = `${prefix}:atlas-batches:delayed`;
  await redis.zrem(delayed, 'second');
  await redis.del(gateOnKey(prefix));
  await sweep(withLimit(0));
  await redis.zadd(delayed, 1, 'second');
  await sweep(withLimit(0));
  expect(await waiting()).toEqual(['second']);
});

it('heads of the line are taken in its order, after batches that go on, however many of these have come', async () => {
  const { redis, prefix, withLimit, ask, sweep, waiting } = startGate();
  const gate = withLimit(1);
  const jobs = `${prefix}:atlas-batches:`;
  expect(await ask(gate, 'first')).toBe(true);
  for (const id of ['second', 'third']) expect(await ask(gate, id)).toBe(false);
  await redis.lpush(`${jobs}wait`, 'new');
  const wide = withLimit(3);
  await redis.zrem(`${jobs}delayed`, 'third');
  await sweep(wide);
  expect(await waiting()).toEqual(['second', 'new']);

  // The polls of a hundred batches end, which BullMQ puts before all others.
  const goingOn = Array.from({ length: 100 }, (_, n) => `going-on-${n}`);
  for (const id of goingOn) {
    await redis.hset(jobs + id, 'ats', 1);
    await redis.rpush(`${jobs}wait`, id);
  }
  await redis.zadd(`${jobs}delayed`, 1, 'third');
  await sweep(wide);
  const newestFirst = goingOn.toReversed();
  expect(await waiting()).toEqual([
    ...newestFirst.slice(0, 60),
    ...['second', 'third'],
    ...newestFirst.slice(60),
    'new',
  ]);
});

it('a head of the line that a worker has is not brought again', async () => {
  const { redis, prefix, withLimit, ask, sweep, waiting } = startGate();
  const gate = withLimit(1);
  const jobs = `${prefix}:atlas-batches:`;
  await ask(gate, 'first');
  for (const id of ['second', 'third']) await ask(gate, id);
  await redis.zrem(`${jobs}delayed`, 'second');
  await redis.rpush(`${jobs}active`, 'second');
  await sweep(withLimit(3));
  expect(await waiting()).toEqual(['third']);
});

it('a line that has waited for the quota is not said to wait for it once the workers have none', async () => {
  const { redis, prefix, withLimit, ask, sweep } = startGate();
  const gate = withLimit(1, 1);
  await ask(gate, 'first');
  await ask(gate, 'second');
  await sweep(gate);
  expect(await whyLineWaits(redis, prefix)).toBe('quota');
  await sweep(withLimit(1));
  expect(await whyLineWaits(redis, prefix)).toBe('limit');
});

it('a batch in line of which nobody knows who holds its room is woken to say it, and no other', async () => {
  const { redis, prefix, withLimit, hold, ask, sweep, waiting } = startGate();
  const jobs = `${prefix}:atlas-batches:`;
  const gate = withLimit(2);
  const ids = ['first', 'second'];
  for (const id of ids) expect(await ask(gate, id)).toBe(true);
  for (const id of ids) {
    // Another upload of each waits, and its worker has died as it slept.
    const held = await hold(id);
    const more = [{ member: `${id}@1/1.1`, documentCount: 2 }];
    await gate.ask(held, more, QUESTION);
    await redis.zadd(`${jobs}delayed`, 1, id);
  }
  await sweep(gate);
  expect(await waiting()).toEqual([]);
  for (const id of ids) await redis.zincrby(`${prefix}:gate-in-flight`, -60_000, `${id}@1/1.0`);
  // A batch that sleeps over an error has left the line, and is not to be woken.
  await redis.zrem(`${prefix}:gate-deadlines`, 'second');
  await sweep(gate);
  await sweep(gate);
  expect(await waiting()).toEqual(['first']);
  await redis.zadd(`${prefix}:gate-deadlines`, 1, 'second');
  await sweep(gate);
  expect(await waiting()).toEqual(['first', 'second']);
});

it('a worker that cannot send leaves the sweep to one that can, and sweeps while there is none', async () => {
  const { redis, prefix, withLimit, ask, sweep, waiting } = startGate();
  const [well, shut] = [withLimit(1), withLimit(1, 0, true)];
  expect(await ask(well, 'first')).toBe(true);
  expect(await ask(well, 'second')).toBe(false);
  // Its room is free, and nobody was told.
  await redis.del(`${prefix}:atlas-batches:first`);
  for (let n = 0; n < 2; n += 1) {
    await sweep(shut);
    await well.sweep();
  }
  expect(await waiting()).toEqual(['second']);

  expect(await ask(well, 'second')).toBe(true);
  await redis.del(`${prefix}:atlas-batches:second`, gateAbleKey(prefix));
  await sweep(shut);
  expect(await redis.exists(`${prefix}:gate-in-flight`)).toBe(0);
});

it('while nobody can send, the sweep wakes batches in line at their deadline, counted from when somebody could last', async () => {
  const { redis, prefix, withLimit, ask, sweep, waiting } = startGate();
  const [well, shut] = [withLimit(1), withLimit(1, 0, true)];
  expect(await ask(well, 'at Atlas')).toBe(true);
  expect(await ask(well, 'old')).toBe(false);
  await sweep(well);
  const outage = `${prefix}:gate-outage`;
  const passes = async (ms: number) => {
    for (const field of ['able', 'at'])
      if ((await redis.hexists(outage, field)) === 1) await redis.hincrby(outage, field, -ms);
  };
  const msSoFar = async () => Number(await redis.hget(outage, 'ms'));
  // The last worker that could send has died, which is known only when its sign has run out.
  await passes(500);
  await redis.del(gateAbleKey(prefix));
  // What passed before it asked is none of its time.
  expect(await ask(shut, 'new')).toBe(false);
  await sweep(shut);
  expect(await msSoFar()).toBeGreaterThanOrEqual(500);
  expect(await waiting()).toEqual([]);
  await passes(QUESTION.leftMs - 500);
  await sweep(shut);
  expect(await waiting()).toEqual(['old']);
  await passes(QUESTION.leftMs);
  await sweep(shut);
  expect(await waiting()).toEqual(['new', 'old']);
  // What is gone is asked for no more.
  await redis.del(`${prefix}:atlas-batches:old`);
  await sweep(shut);
  expect(await redis.zrange(`${prefix}:gate-deadlines`, '0', '-1')).toEqual(['new']);
});

it('flows of which more uploads move up than one sweep goes through take turns, as in the model', async () => {
  const { redis, prefix, withLimit, hold, sweep } = startGate();
  const gate = withLimit(1);
  const model = new GateModel({ limit: 1, quota: 0 });
  const counts = { a: MAX_MOVED_UP + 100, b: 2, c: MAX_MOVED_UP + 200 };
  for (const [id, count] of Object.entries(counts)) {
    const held = await hold(id);
    const applicants = uploadsOf(id, count);
    const flow = { name: `${id}/normal`, weight: 10 };
    model.ask(applicants, flow);
    await gate.ask(held, applicants, { ...QUESTION, flow });
    const place = { keepsPlace: false, flow: flow.name } as const;
    const unsent = [`${id}@1/1.1`];
    await gate.leave(held, { unsent, others: [] }, place);
    for (const member of unsent) model.forget(member, { unsent: true });
  }
  for (const left of [['a', 'b', 'c'], ['a', 'c'], []]) {
    await sweep(gate);
    model.line.closeGaps();
    const gaps = await redis.zrange(`${prefix}:gate-gaps`, '0', '-1');
    expect(gaps.sort()).toEqual(left.map((id) => `${id}/normal`));
    expect([...model.line.gaps.keys()].sort()).toEqual(gaps);
    const line = (await redis.zrange(`${prefix}:gate-line`, '0', '-1', 'WITHSCORES')).flat();
    const { waiting } = model.line;
    expect(line.filter((_, i) => i % 2 === 0)).toEqual(waiting.map(({ member }) => member));
    const starts = line.filter((_, i) => i % 2 === 1).map(Number);
    expect(starts).toEqual(waiting.map(({ start }) => start));
  }
});

it('uploads of a job that was removed by hand leave the line, however far behind a head that lives', async () => {
  const { redis, prefix, withLimit, hold, ask, sweep } = startGate();
  const gate = withLimit(1);
  expect(await ask(gate, 'first')).toBe(true);
  // One sweep goes through 500 members of the line.
  await gate.ask(await hold('first'), uploadsOf('first', 601), QUESTION);
  expect(await ask(gate, 'removed')).toBe(false);
  await redis.del(`${prefix}:atlas-batches:removed`);
  const inLine = async () => redis.zcard(`${prefix}:gate-line`);
  await sweep(gate);
  expect(await inLine()).toBe(601);
  await sweep(gate);
  expect(await inLine()).toBe(600);
  expect(await redis.hget(`${prefix}:gate-state`, 'line-swept')).toBeNull();
});
