import type { Redis } from 'ioredis';
import type { Config } from '../../config/config.js';
import { doctorKey } from '../../jobs/keys/redis-keys.js';
import { plural } from '../../plural.js';
import type { RedisLink } from '../../redis/client-link.js';
import { redisTimeMs } from '../../redis/clock.js';
import { memoryUsedRatio, redisFindings } from '../../redis/findings.js';
import { LuaScript } from '../../redis/lua-script.js';
import { checkPermissions } from '../../redis/permissions.js';
import { isReplyError, redisAddress, refusalOf } from '../../redis/reply-error.js';
import type { CheckResult, Finding } from './finding.js';

/** The keys that are tried go by themselves when the doctor dies. */
const TRIED_KEY_TTL_MS = 5000;
const DELETE = new LuaScript("return redis.call('DEL', KEYS[1])");

export interface RedisCheck extends CheckResult {
  /** Whether others may use Redis for what they share. */
  isUsable: boolean;
}

/** Checks that Redis serves as a worker needs it, and loses no keys. */
export async function checkRedis(link: RedisLink, config: Config): Promise<RedisCheck> {
  const result: RedisCheck = { findings: [], clocks: [], isUsable: false };
  try {
    result.isUsable = await link.run(() => examine(link.redis, config, result));
  } catch (error) {
    result.findings.push(explain(link.redis, error));
  }
  return result;
}

/**
 * @returns Whether it can be used.
 * @throws an error of Redis; what was found before stays.
 */
async function examine(
  redis: Redis,
  { QUEUE_PREFIX: prefix, REDIS_CLUSTER: isCluster, REPLICA_ACK_TIMEOUT_MS: ackTimeoutMs }: Config,
  { findings, clocks }: RedisCheck,
): Promise<boolean> {
  const info = await redis.info().catch(async (error) => {
    // It says more: names all that is missing.
    await checkPermissions(redis, prefix, 'worker');
    throw error;
  });
  const asked = Date.now();
  clocks.push({
    whose: 'Redis',
    aheadMs: (await redisTimeMs(redis)) - (asked + Date.now()) / 2,
  });
  for (const { severity, problem, fix } of redisFindings(info, ackTimeoutMs)) {
    findings.push({ level: severity, subject: 'Redis', text: problem, fix });
  }
  const fieldOf = (name: string) => new RegExp(`^${name}:(\\S+)`, 'm').exec(info)?.[1];
  if (fieldOf('cluster_enabled') === '1' && !isCluster) {
    const text = 'Redis is a node of a Cluster: a slot that moves would not be followed';
    findings.push({ level: 'warning', subject: 'Redis', text, fix: 'set REDIS_CLUSTER=true' });
  }
  // It would refuse each write, which is tried for as long as a failover may take.
  if (fieldOf('role') === 'slave') return false;
  // The first command that writes says why it is refused.
  await redis.set(doctorKey(prefix), '', 'PX', TRIED_KEY_TTL_MS);
  await checkPermissions(redis, prefix, 'worker');
  await DELETE.run(redis, [doctorKey(prefix)], []);
  await redis.xadd(doctorKey(prefix), '*', 'tried', '');
  await redis.del(doctorKey(prefix));
  if (findings.length > 0) return true;
  const used = memoryUsedRatio(info);
  const memory = used === null ? '' : `, uses ${Math.round(used * 100)} % of its memory`;
  const replicas = plural(Number(fieldOf('connected_slaves') ?? 0), 'replica');
  const text = `${fieldOf('redis_version')} at ${redisAddress(redis)}, ${fieldOf('role')} with ${replicas}${memory}; a write, a script and a stream work`;
  findings.push({ level: 'ok', subject: 'Redis', text });
  return true;
}

/** A refusal says what to do after its first semicolon. */
function explain(redis: Redis, error: unknown): Finding {
  const { message } = isReplyError(error) ? refusalOf(redis, error) : (error as Error);
  const [text = '', ...fix] = message.split('; ');
  const address = redis.options.sentinels ? 'REDIS_SENTINELS' : 'host and port in REDIS_URL';
  const otherwise = text.includes('does not answer')
    ? `start Redis, or correct ${address}`
    : 'see what Redis says';
  return { level: 'error', subject: 'Redis', text, fix: fix.join('; ') || otherwise };
}
