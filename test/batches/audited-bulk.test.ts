import { expect, it } from 'vitest';
import { type Auditor, audited } from '../../src/batches/audit.js';
import { auditedBulk, auditedRedelivery } from '../../src/batches/bulk/audited-bulk.js';
import type { BulkSelection } from '../../src/batches/bulk/selection.js';
import type { ClientQueues } from '../../src/batches/client-queues.js';
import type { AuditRecord } from '../../src/jobs/audit-record.js';
import { auditKey } from '../../src/jobs/keys/redis-keys.js';
import { withTimeout } from '../../src/timeouts.js';
import { plant } from '../helpers/planted-batches.js';
import { testRedis } from '../helpers/redis.js';
import { startTcpValve } from '../helpers/tcp-valve.js';
import { openTestQueues } from '../helpers/test-queues.js';
import { SILENT } from '../server/test-server.js';

const REFERENCES = ['a', 'b', 'c', 'd'];
const FILTER: BulkSelection = { tenant: 'branch-1' };
const SOME_AT_A_TIME = { rate: 1000, reason: 'ticket 7' };
/** Steps are so small that there are several. */
const MANY = 250;

async function start(count = REFERENCES.length) {
  const test = openTestQueues();
  const references = Array.from({ length: count }, (_, i) => REFERENCES[i] ?? `more-${i}`);
  await plant(
    test.queues,
    references.map((reference) => ({ reference, tenant: 'branch-1' })),
  );
  const records: AuditRecord[] = [];
  const info = (fields: object) => void ('audit' in fields && records.push(fields as never));
  const actor = { name: 'alice', via: 'dashboard' } as const;
  const auditor: Auditor = { actor, logger: { ...SILENT, info } };
  const outcomes = () => records.map(({ outcome, count: of }) => [outcome, of]);
  return { ...test, auditor, records, outcomes };
}

it('an action on many is in the audit log when it begins, with all but its count, and when it ends', async () => {
  const { queues, auditor, records } = await start();
  const steps = auditedBulk(queues, auditor, 'cancel', FILTER, SOME_AT_A_TIME);
  await steps.next();
  // Its process may be killed now.
  const run = expect.stringMatching(/^[\w-]{12}$/);
  const begun = {
    ...{ audit: true, actor: 'alice', action: 'cancel', reference: null, reason: 'ticket 7' },
    ...{ filter: FILTER, outcome: 'begun', count: null, details: { run } },
  };
  expect(records).toEqual([expect.objectContaining(begun)]);
  expect((await steps.next()).done).toBe(true);
  expect(records.slice(1)).toEqual([
    expect.objectContaining({ ...begun, outcome: 'done', count: 4, details: records[0]?.details }),
  ]);
});

it('an action on many during which Redis goes away has its end in the audit log, by the clock of the process', async () => {
  const { queues, redis, auditor, records, outcomes } = await start(MANY);
  const steps = auditedBulk(queues, auditor, 'cancel', FILTER, SOME_AT_A_TIME);
  await steps.next();
  redis.disconnect();
  await expect(steps.next()).rejects.toThrow('Connection is closed');
  expect(outcomes()).toEqual([
    ['begun', null],
    ['error Error', 100],
  ]);
  const [begunAt = 0, endedAt = 0] = records.map(({ at }) => Date.parse(at));
  expect(Math.abs(endedAt - begunAt)).toBeLessThan(60_000);
});

it('an action on many that does not hear from Redis any more is written down without waiting for it', async () => {
  const { queues, redis, auditor, outcomes } = await start(MANY);
  const steps = auditedBulk(queues, auditor, 'cancel', FILTER, SOME_AT_A_TIME);
  await steps.next();
  Object.assign(redis, { time: () => new Promise(() => {}) });
  await steps.return();
  expect(outcomes()).toEqual([
    ['begun', null],
    ['broken off', 100],
  ]);
});

it('batches that are named have a record each, between those of the action where they are several', async () => {
  const { queues, redis, auditor, outcomes } = await start();
  for (const references of [
    ['a', 'b'],
    ['c', 'c'],
  ])
    for await (const _ of auditedBulk(queues, auditor, 'cancel', { references }));
  expect(outcomes()).toEqual([
    ['begun', 2],
    ['cancelling', null],
    ['cancelling', null],
    ['done', 2],
    ['cancelling', null],
  ]);
  redis.disconnect();
  const one = auditedBulk(queues, auditor, 'cancel', { references: ['d'] });
  await expect(one.next()).rejects.toThrow('Connection is closed');
  expect(outcomes().at(-1)).toEqual(['error Error', null]);
});

it('an action on many that is refused has not begun', async () => {
  const { queues, auditor, records } = await start();
  const steps = auditedBulk(queues, auditor, 'retry', { state: 'completed' });
  await expect(steps.next()).rejects.toThrow('a batch that is completed is none for retry');
  expect(records).toEqual([]);
});

it('what has no log of its own leaves the begin of an action for a worker, before anything is done', async () => {
  const { queues, redis, prefix, auditor } = await start();
  const steps = auditedRedelivery(queues, { actor: auditor.actor }, { givenUp: true });
  await steps.next();
  const relayed = await redis.lrange(auditKey(prefix), 0, -1);
  expect(relayed.map((text) => JSON.parse(text))).toEqual([
    expect.objectContaining({ action: 'redeliver', filter: { givenUp: 'true' }, outcome: 'begun' }),
  ]);
});

const FAILED = new Error('what people have to know');

/** A change that fails as soon as Redis falls silent in the middle of it. */
const CHANGES: Record<string, (queues: ClientQueues, cut: () => void) => Promise<unknown>> = {
  'a change': (queues, cut) => {
    const act = async () => {
      cut();
      throw FAILED;
    };
    return audited(queues, OF_COMMAND, { action: 'cancel', reference: 'a' }, act, () => ({
      outcome: 'cancelling',
    }));
  },
  'an action on one that is named': failInTheMiddle,
};
const OF_COMMAND: Auditor = { actor: { name: 'alice', via: 'cli' } };

async function failInTheMiddle(queues: ClientQueues, cut: () => void) {
  const steps = auditedBulk(queues, OF_COMMAND, 'cancel', { references: ['a'] });
  await steps.next();
  cut();
  await steps.throw(FAILED);
}

it.each(Object.keys(CHANGES))(
  '%s that fails since Redis does not answer says so without waiting for its record',
  async (name) => {
    const { url, prefix } = testRedis();
    const { port, hostname } = new URL(url);
    const valve = await startTcpValve(Number(port));
    const through = url.replace(`${hostname}:${port}`, `127.0.0.1:${valve.port}`);
    const { queues } = openTestQueues({ url: through, prefix });
    await plant(queues, [{ reference: 'a' }]);
    const failed = CHANGES[name]?.(queues, () => valve.silence());
    await expect(withTimeout(Promise.resolve(failed), 10_000, () => 'late')).rejects.toBe(FAILED);
  },
);
