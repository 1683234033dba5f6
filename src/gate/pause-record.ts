/** A pause: no upload goes to Atlas, and everything else goes on. */
import type { Redis } from 'ioredis';
import { gatePauseKey } from '../jobs/keys/gate-keys.js';
import { parseJson } from '../json.js';

/** A pause as whoever asks for it gets it. Times are ISO 8601 in UTC. */
export interface Pause {
  /** When it began. */
  since: string;
  /** When it ends by itself; null when somebody has to resume. */
  until: string | null;
  /** Why; null when nobody said it. */
  reason: string | null;
  /** Who; null when nobody said it. */
  by: string | null;
}

/** Another pause replaces the one that there is. */
export async function setPause(redis: Redis, prefix: string, pause: Pause): Promise<void> {
  const key = gatePauseKey(prefix);
  const value = JSON.stringify(pause);
  if (pause.until === null) await redis.set(key, value);
  else await redis.set(key, value, 'PXAT', Date.parse(pause.until));
}

/** @returns whether there was one. */
export async function endPause(redis: Redis, prefix: string): Promise<boolean> {
  return (await redis.del(gatePauseKey(prefix))) === 1;
}

/** Null when there is none. */
export async function readPause(redis: Redis, prefix: string): Promise<Pause | null> {
  const value = await redis.get(gatePauseKey(prefix));
  return value === null ? null : (parseJson(value) as Pause);
}
