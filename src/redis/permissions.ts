/** The commands that a user of Redis must be allowed to run, and which of them are missing. */
import type { Command, Redis } from 'ioredis';
import { RedisUnavailableError } from '../errors.js';
import { writeProbeKey } from '../jobs/keys/redis-keys.js';
import {
  isRefusedCommand,
  isRefusedKey,
  keyPatternOf,
  redisAddress,
  refusalOf,
} from './reply-error.js';

/** Each with arguments that it takes; `K` is a key. Those of BullMQ's scripts are among them. */
const EVERYBODY = `
ping · info · time · eval return 1 K · evalsha 0 1 K · type K · exists K · del K · unlink K · expire K 1
pexpire K 1 · pttl K · get K · mget K · set K 1 · incr K · hget K 1 · hmget K 1 · hgetall K · hset K 1 1
hmset K 1 1 · hsetnx K 1 1 · hdel K 1 · hincrby K 1 1 · hexists K 1 · hlen K · lindex K 0 · llen K
lpush K 1 · lrange K 0 1 · lrem K 1 1 · ltrim K 0 1 · lpos K 1 · lset K 0 1 · lpop K · rpush K 1
rpoplpush K K · rpop K · sadd K 1 · srem K 1 · scard K · smembers K · sismember K 1 · zadd K 1 1 · zcard K
zcount K 0 1 · zscore K 1 · zrank K 1 · zrevrank K 1 · zrem K 1 · zrange K 0 1 · zrangebyscore K 0 1 · zrevrange K 0 1
zrevrangebyscore K 1 0 · zpopmin K · zremrangebyrank K 0 1 · zremrangebyscore K 0 1 · xadd K * 1 1
xtrim K MAXLEN 1 · xrange K - + · xrevrange K + - · xinfo STREAM K · xdel K 0-1 · xsetid K 1-1
rename K K · xread STREAMS K 0 · scan 0`;
const COMMANDS = {
  worker: `${EVERYBODY} · bzpopmin K 1 · wait 0 1`,
  server: EVERYBODY,
  client: `${EVERYBODY} · bzpopmin K 1`,
};

export type RedisRole = keyof typeof COMMANDS;

function commandsOf(role: RedisRole): string[] {
  return COMMANDS[role].trim().split(/ · |\n/);
}

/** Names of the commands, as ACL rules have them. */
export function permissionsOf(role: RedisRole): string[] {
  return commandsOf(role).map((command) => command.split(' ', 1)[0] as string);
}

type Refused = Error & { command?: Command };

/**
 * What the user of a connection may not do, by name. Nothing is run: a transaction is refused as a whole
 * for the last of its commands, and each command before says whether it is allowed.
 */
export async function missingPermissions(
  redis: Redis,
  prefix: string,
  role: RedisRole,
): Promise<string[]> {
  const key = writeProbeKey(prefix);
  const transaction = redis.multi();
  for (const command of commandsOf(role)) {
    const [name = '', ...args] = command.split(' ');
    transaction.call(name, ...args.map((arg) => (arg === 'K' ? key : arg)));
  }
  // Without its key.
  transaction.call('get');
  const refused = await transaction.exec().then(
    () => [],
    (error: Refused & { previousErrors?: Refused[] }) => [...(error.previousErrors ?? []), error],
  );
  const missing = refused.flatMap(({ message, command }) => {
    if (/NOPERM .*'exec'/.test(message)) return ['+exec'];
    if (!message.startsWith('NOPERM')) return [];
    return isRefusedKey(message) ? keyPatternOf(prefix) : `+${command?.name}`;
  });
  return [...new Set(missing)];
}

/** The error of a Redis that refused something at the start. Of a user who lacks permissions it names all of them. */
export async function refusalAtStart(
  redis: Redis,
  prefix: string,
  role: RedisRole,
  error: Error,
): Promise<RedisUnavailableError> {
  if (isRefusedCommand(error)) {
    const missing = await checkPermissions(redis, prefix, role).catch((thrown: unknown) => thrown);
    if (missing instanceof RedisUnavailableError) return missing;
  }
  return refusalOf(redis, error);
}

/** @throws RedisUnavailableError naming the permissions that are missing. */
export async function checkPermissions(
  redis: Redis,
  prefix: string,
  role: RedisRole,
): Promise<void> {
  const missing = await missingPermissions(redis, prefix, role);
  if (missing.length === 0) return;
  throw new RedisUnavailableError(
    `Redis at ${redisAddress(redis)} refuses us: its user lacks permissions; give the user of REDIS_URL ${missing.join(' ')}`,
  );
}
