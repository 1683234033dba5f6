import type { Redis } from 'ioredis';
import { RedisUnavailableError } from '../../errors.js';
import type { RedisLink } from '../../redis/client-link.js';
import { redisTimeMs } from '../../redis/clock.js';
import { redisFindings } from '../../redis/findings.js';
import { redisAddress } from '../../redis/reply-error.js';
import type { CheckResult, Finding } from './finding.js';

/**
 * Checks that Redis answers, accepts our credentials, is new enough, loses no keys, and has a replica
 * where uploads wait for one.
 */
export async function checkRedis(
  link: RedisLink,
  replicaAckTimeoutMs: number,
): Promise<CheckResult> {
  try {
    return await link.run(() => examine(link.redis, replicaAckTimeoutMs));
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    const finding: Finding = { level: 'error', subject: 'Redis', text, fix: fixFor(error, text) };
    return { findings: [finding], clocks: [] };
  }
}

async function examine(redis: Redis, replicaAckTimeoutMs: number): Promise<CheckResult> {
  const info = await redis.info();
  const asked = Date.now();
  const aheadMs = (await redisTimeMs(redis)) - (asked + Date.now()) / 2;
  const findings = redisFindings(info, replicaAckTimeoutMs).map(
    ({ severity, problem, fix }): Finding => ({
      level: severity,
      subject: 'Redis',
      text: problem,
      fix,
    }),
  );
  const version = /^redis_version:(\S+)/m.exec(info)?.[1] ?? 'of an unknown version';
  const text = `${version} at ${redisAddress(redis)}`;
  if (findings.length === 0) findings.push({ level: 'ok', subject: 'Redis', text });
  return { findings, clocks: [{ whose: 'Redis', aheadMs }] };
}

function fixFor(error: unknown, text: string): string {
  if (/WRONGPASS|NOAUTH|invalid.*password/i.test(text)) {
    return 'correct user name and password in REDIS_URL';
  }
  if (/NOPERM/.test(text)) return 'let the user of REDIS_URL run INFO, TIME and scripts';
  return error instanceof RedisUnavailableError
    ? 'start Redis, or correct host and port in REDIS_URL'
    : 'see what Redis says';
}
