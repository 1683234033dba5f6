/**
 * Cursors of lists, sealed. A cursor names the job that was visited last, which may be one of another tenant:
 * so nobody can read it but the servers of this Redis, which share a key there.
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import type { ClientQueues } from '../../batches/client-queues.js';
import { apiCursorKey } from '../../jobs/keys/redis-keys.js';

const ALGORITHM = 'aes-256-gcm';
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

export function createCursorSeal({ link, prefix }: Pick<ClientQueues, 'link' | 'prefix'>) {
  /** Made by whoever comes first. Redis may have been emptied since: it is asked for each time. */
  async function key(): Promise<Buffer> {
    const name = apiCursorKey(prefix);
    const known = await link.redis.get(name);
    if (known !== null) return Buffer.from(known, 'base64url');
    await link.redis.set(name, randomBytes(KEY_BYTES).toString('base64url'), 'NX');
    return Buffer.from((await link.redis.get(name)) ?? '', 'base64url');
  }

  return {
    /** @throws RedisUnavailableError. */
    async seal(cursor: string): Promise<string> {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv(ALGORITHM, await link.run(key), nonce);
      const sealed = [nonce, cipher.update(cursor), cipher.final(), cipher.getAuthTag()];
      return Buffer.concat(sealed).toString('base64url');
    },
    /** Null for what none of our servers has sealed. @throws RedisUnavailableError. */
    async open(sealed: string): Promise<string | null> {
      const bytes = Buffer.from(sealed, 'base64url');
      if (bytes.length < NONCE_BYTES + TAG_BYTES) return null;
      const cipher = createDecipheriv(
        ALGORITHM,
        await link.run(key),
        bytes.subarray(0, NONCE_BYTES),
        { authTagLength: TAG_BYTES },
      );
      cipher.setAuthTag(bytes.subarray(-TAG_BYTES));
      try {
        const text = cipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES));
        return Buffer.concat([text, cipher.final()]).toString();
      } catch {
        return null;
      }
    },
  };
}
