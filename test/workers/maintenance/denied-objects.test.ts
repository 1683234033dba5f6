import { Redis } from 'ioredis';
import { expect, it, onTestFinished } from 'vitest';
import { OwnFaultError, TransientError } from '../../../src/errors.js';
import { deniedObjectsKey, readersKey } from '../../../src/jobs/keys/reading-keys.js';
import type { Verdict } from '../../../src/storage/checks/verdict.js';
import { deniedError, networkError } from '../../../src/storage/storage-errors.js';
import { DeniedObjects } from '../../../src/workers/maintenance/denied-objects.js';
import { testRedis } from '../../helpers/redis.js';
import { waitUntil } from '../../helpers/wait-until.js';

const OBJECT = { bucket: 'kyc', key: 'loans/1.pdf' };
const LASTS = { lasts: true };
const MINUTE_MS = 60_000;

/** Workers with one clock, which stands still until time passes on it. */
function startTest() {
  const { url, prefix } = testRedis();
  const redis = new Redis(url);
  onTestFinished(() => redis.disconnect());
  let now = 1_000_000;
  const start = async (verdict: () => Verdict, allowed = [OBJECT.bucket]) => {
    const already = await redis.zcard(readersKey(prefix));
    const worker = new DeniedObjects({
      redis,
      config: { QUEUE_PREFIX: prefix, S3_ALLOWED_BUCKETS: allowed, RESULTS_BUCKET: 'results' },
      clock: { now: () => now },
      store: { check: async (_, onVerdict) => onVerdict(0, verdict()) },
    }).start();
    onTestFinished(() => worker.stop());
    await waitUntil('it is known', async () => (await redis.zcard(readersKey(prefix))) > already);
    return worker;
  };
  const answers = () => redis.keys(`${prefix}:denied-answers:*`);
  /** How many have said something of the object. */
  const countAnswers = async () => {
    const [key] = await answers();
    return key === undefined ? 0 : redis.hlen(key);
  };
  const pass = (ms: number) => {
    now += ms;
  };
  const questions = () => redis.zrange(deniedObjectsKey(prefix), 0, '-1');
  return { start, pass, countAnswers, questions };
}

const denied = (): Verdict => 'denied';
const isDenied = () => {
  throw deniedError(OBJECT);
};
const isAway = () => {
  throw networkError('GET', OBJECT, 'ECONNREFUSED');
};

async function kindOf(asking: Promise<void>): Promise<'ends' | 'waits' | 'own'> {
  const error: unknown = await asking.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (error === null) return 'ends';
  expect(error).toBeInstanceOf(TransientError);
  return error instanceof OwnFaultError ? 'own' : 'waits';
}

it('a worker without others ends a batch for an object that is denied to it as soon as that lasts', async () => {
  const { start, questions } = startTest();
  const alone = await start(denied);
  expect(await kindOf(alone.expectDenied(OBJECT, { lasts: false }))).toBe('waits');
  expect(await questions()).toEqual(['["kyc","loans/1.pdf"]']);
  expect(await kindOf(alone.expectDenied(OBJECT, LASTS))).toBe('ends');
  expect(await questions()).toEqual([]);
});

it('a worker that was there two minutes ago is waited for no more', async () => {
  const { start, pass } = startTest();
  (await start(denied)).stop();
  pass(MINUTE_MS);
  const alone = await start(denied);
  expect(await kindOf(alone.expectDenied(OBJECT, LASTS))).toBe('waits');
  pass(MINUTE_MS - 1);
  expect(await kindOf(alone.expectDenied(OBJECT, LASTS))).toBe('waits');
  pass(2);
  expect(await kindOf(alone.expectDenied(OBJECT, LASTS))).toBe('ends');
});

it('a worker that says nothing for two minutes is waited for no more', async () => {
  const { start, pass } = startTest();
  const worker = await start(denied);
  expect(await kindOf(worker.expectDenied(OBJECT, LASTS))).toBe('ends');
  await start(isAway);
  expect(await kindOf(worker.expectDenied(OBJECT, LASTS))).toBe('waits');
  pass(MINUTE_MS);
  await start(isAway);
  expect(await kindOf(worker.expectDenied(OBJECT, LASTS))).toBe('waits');
  pass(MINUTE_MS);
  expect(await kindOf(worker.expectDenied(OBJECT, LASTS))).toBe('ends');
});

it('an object that was asked for two minutes ago ends a batch also at a worker that has it for the first time', async () => {
  const { start, pass } = startTest();
  const [first, second] = [await start(denied), await start(isAway)];
  expect(await kindOf(first.expectDenied(OBJECT, { lasts: false }))).toBe('waits');
  pass(2 * MINUTE_MS - 1);
  expect(await kindOf(second.expectDenied(OBJECT, { lasts: false }))).toBe('waits');
  pass(1);
  // Where the whole bucket was denied meanwhile, the time begins anew.
  await second.forget([OBJECT]);
  expect(await kindOf(second.expectDenied(OBJECT, { lasts: false }))).toBe('waits');
  pass(2 * MINUTE_MS);
  expect(await kindOf(second.expectDenied(OBJECT, { lasts: false }))).toBe('ends');
});

it.each<[string, () => Verdict, string[]?]>([
  ['is denied it as well', denied],
  ['is denied it, and knows no other object', isDenied],
  ['is denied it for seconds only', () => 'doubtful'],
  ['finds no such object, perhaps in another S3', () => 'absent'],
  ['does not allow the bucket', () => 'readable', ['others']],
])('a worker that %s agrees that nobody can read an object', async (_, verdict, allowed) => {
  const { start, countAnswers } = startTest();
  const worker = await start(denied);
  expect(await kindOf(worker.expectDenied(OBJECT, { lasts: false }))).toBe('waits');
  await start(verdict, allowed);
  await waitUntil('its answer', async () => (await countAnswers()) === 2);
  expect(await kindOf(worker.expectDenied(OBJECT, { lasts: false }))).toBe('waits');
  expect(await kindOf(worker.expectDenied(OBJECT, LASTS))).toBe('ends');
});

it('a worker is at fault in a bucket where another one reads what is denied to it, until two minutes after that', async () => {
  const { start, pass, countAnswers } = startTest();
  const worker = await start(denied);
  const ask = (key: string, lasts: boolean) =>
    worker.expectDenied({ bucket: OBJECT.bucket, key }, { lasts });
  expect(await kindOf(ask(OBJECT.key, false))).toBe('waits');
  (await start(() => 'readable')).stop();
  await waitUntil('its answer', async () => (await countAnswers()) === 2);
  // A permission may be on its way.
  expect(await kindOf(ask(OBJECT.key, false))).toBe('waits');
  expect(await kindOf(ask(OBJECT.key, true))).toBe('own');
  expect(await kindOf(ask('another.pdf', false))).toBe('own');
  expect(await kindOf(worker.expectDenied({ bucket: 'other', key: 'k' }, LASTS))).toBe('waits');
  pass(MINUTE_MS);
  expect(await kindOf(ask('another.pdf', true))).toBe('own');
  pass(MINUTE_MS + 1);
  expect(await kindOf(ask('another.pdf', true))).toBe('ends');
});
