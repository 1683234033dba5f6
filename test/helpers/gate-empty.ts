/** Nothing is in flight or in line any more. */
import { gateKeys } from '../../src/jobs/keys/gate-keys.js';
import type { System } from './system.js';
import { waitUntil } from './wait-until.js';

export async function gateEmpty({ redis, prefix }: System): Promise<void> {
  const own = gateKeys(prefix).filter((key) => key.startsWith(`${prefix}:gate-`));
  await waitUntil('an empty gate', async () => (await redis.exists(own)) === 0);
}
