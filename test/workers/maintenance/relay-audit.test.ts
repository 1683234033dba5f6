import { Redis } from 'ioredis';
import { expect, it, onTestFinished } from 'vitest';
import type { AuditRecord } from '../../../src/jobs/audit-record.js';
import { auditKey, auditRelayKey } from '../../../src/jobs/keys/redis-keys.js';
import { startAuditRelay } from '../../../src/workers/maintenance/relay-audit.js';
import { testRedis } from '../../helpers/redis.js';

/** More than are read at once. */
const RECORDS = 250;

function recordNumber(i: number): AuditRecord {
  return {
    ...{ at: new Date(i).toISOString(), actor: 'asha', via: 'cli', address: null },
    ...{ action: 'cancel', reference: `loan-${i}`, filter: null, count: null, reason: null },
    outcome: 'cancelled',
  };
}

it('records of the audit come into the log once, and those that a dying worker did not write are kept', async () => {
  const { url, prefix } = testRedis();
  const redis = new Redis(url);
  onTestFinished(() => redis.disconnect());
  const records = Array.from({ length: RECORDS }, (_, i) => JSON.stringify(recordNumber(i)));
  await redis.rpush(auditKey(prefix), ...records);
  const logged: string[] = [];
  const relayThat = (dies: () => boolean) => {
    const info = ({ reference }: { reference: string }) => {
      if (dies()) throw new Error('killed');
      logged.push(reference);
    };
    const logger = { info } as unknown as Parameters<typeof startAuditRelay>[0]['logger'];
    const config = { QUEUE_PREFIX: prefix } as Parameters<typeof startAuditRelay>[0]['config'];
    return startAuditRelay({ redis, config, logger });
  };
  await relayThat(() => logged.length === 7).stop();
  expect(logged.splice(0)).toHaveLength(7);
  expect(await redis.llen(auditKey(prefix))).toBe(RECORDS);

  // What the dead one held runs out.
  await redis.del(auditRelayKey(prefix));
  const several = [1, 2, 3].map(() => relayThat(() => false));
  await Promise.all(several.map((relay) => relay.stop()));
  expect(logged).toEqual(records.map((_, i) => `loan-${i}`));
  expect(await redis.llen(auditKey(prefix))).toBe(0);
});
