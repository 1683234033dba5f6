import { Redis } from 'ioredis';
import { expect, it, onTestFinished } from 'vitest';
import { openOutcomes, positionBefore } from '../../../src/batches/events/outcomes.js';
import { outcomesKey } from '../../../src/jobs/keys/redis-keys.js';
import { fieldsOfOutcome } from '../../../src/jobs/outcome-entry.js';
import { openLink } from '../../../src/redis/client-link.js';
import { connectionTo, testRedis } from '../../helpers/redis.js';

function openReader() {
  const { url, prefix } = testRedis();
  const link = openLink(connectionTo(url));
  const redis = new Redis(url);
  const reader = openOutcomes({ link, prefix });
  onTestFinished(() => {
    reader.close();
    link.close();
    redis.disconnect();
  });
  let previous = '0-0';
  /** As the save that announces an outcome does it. */
  async function announce(reference: string): Promise<string> {
    const fields = fieldsOfOutcome({
      eventId: `done-${reference}@1`,
      eventJobId: `done-${reference}`,
      reference,
      tenant: null,
      status: 'completed',
      code: null,
    });
    const position = await redis.xadd(outcomesKey(prefix), '*', 'previous', previous, ...fields);
    previous = position ?? '';
    return previous;
  }
  const referencesAfter = async (after?: string) => {
    const read = await reader.readOutcomes({ ...(after && { after }) });
    return [...read.outcomes.map(({ reference }) => reference), ...(read.reset ? ['reset'] : [])];
  };
  return { reader, redis, key: outcomesKey(prefix), announce, referencesAfter };
}

it('a reader gets each outcome once, in order, from its position on', async () => {
  const { reader, announce } = openReader();
  expect(await reader.readOutcomes()).toEqual({ outcomes: [], position: '0-0', reset: false });
  for (const reference of ['a', 'b', 'c']) await announce(reference);
  const first = await reader.readOutcomes({ count: 2 });
  expect(first.outcomes).toMatchObject([
    { reference: 'a', eventId: 'done-a@1', tenant: null, status: 'completed', code: null },
    { reference: 'b' },
  ]);
  const second = await reader.readOutcomes({ after: first.position });
  expect(second.outcomes.map(({ reference }) => reference)).toEqual(['c']);
  expect(await reader.readOutcomes({ after: second.position })).toEqual({
    outcomes: [],
    position: second.position,
    reset: false,
  });
});

it('a reader that begins at the end gets what is announced from then on', async () => {
  const { reader, announce } = openReader();
  await announce('before');
  const { position, outcomes } = await reader.readOutcomes({ after: 'end' });
  expect(outcomes).toEqual([]);
  const waiting = reader.readOutcomes({ after: position, blockMs: 10_000 });
  await announce('after');
  expect((await waiting).outcomes.map(({ reference }) => reference)).toEqual(['after']);
});

it('a reader that begins at a time gets what was announced then or later', async () => {
  const { announce, referencesAfter } = openReader();
  await announce('a');
  const at = Number((await announce('b')).split('-')[0]);
  expect(await referencesAfter(positionBefore(at + 60_000))).toEqual([]);
  expect((await referencesAfter(positionBefore(at))).at(-1)).toBe('b');
});

it('a reader is told that its position is gone when outcomes that it has not read were removed, and then only', async () => {
  const { redis, key, announce, referencesAfter, reader } = openReader();
  const a = await announce('a');
  const b = await announce('b');
  const c = await announce('c');
  await redis.xtrim(key, 'MAXLEN', 1);
  expect(await referencesAfter(a)).toEqual(['c', 'reset']);
  expect(await referencesAfter(b)).toEqual(['c']);
  await redis.xtrim(key, 'MAXLEN', 0);
  expect(await referencesAfter(b)).toEqual(['reset']);
  expect(await referencesAfter(c)).toEqual([]);
  // A reset leads to the end: it is told once.
  expect(await reader.readOutcomes({ after: b })).toMatchObject({ position: c });
  await announce('d');
  expect(await referencesAfter(c)).toEqual(['d']);
  expect(await referencesAfter(b)).toEqual(['d', 'reset']);
});

it('a reader misses nothing when an outcome is erased', async () => {
  const { redis, key, announce, referencesAfter } = openReader();
  const a = await announce('a');
  await redis.xdel(key, await announce('erased'));
  expect(await referencesAfter(a)).toEqual([]);
  await announce('c');
  expect(await referencesAfter(a)).toEqual(['c']);
});

it('what is no position is refused', async () => {
  const { reader } = openReader();
  for (const after of ['yesterday', '1-99999999999999999999', '1']) {
    await expect(reader.readOutcomes({ after })).rejects.toThrow(
      'the position of an outcome is two numbers such as 1795435270123-0',
    );
  }
});
