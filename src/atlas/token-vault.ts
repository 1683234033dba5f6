/**
 * Keeps a token between requests: in Redis, for all processes, and never in clear text.
 *
 * The token is stored as AES-256-GCM ciphertext under a key that is derived from the client secret,
 * with a keyed fingerprint. Every key in Redis expires. Other credentials have other keys.
 */
import { createHmac, hkdfSync, randomBytes } from 'node:crypto';
import type { Redis } from 'ioredis';
import { CompactEncrypt, compactDecrypt } from 'jose';
import { type TokenKeys, tokenKeys } from '../jobs/keys/redis-keys.js';
import { LuaScript } from '../redis/lua-script.js';
import { fromRedis } from './shared-state.js';

/**
 * Atlas documents no life time, and a 401 ends a token at any time. One hour costs one request per
 * hour, and bounds how long a token stays in Redis after the last process has stopped.
 */
const TOKEN_TTL_MS = 3_600_000;
/** How long others wait when a process dies while it asks for a token. */
const LOCK_TTL_MS = 3_000;
const LOCK_RENEWAL_MS = 1_000;
/** How long refused credentials are not sent to Atlas again, whatever the number of jobs. */
export const REFUSAL_TTL_MS = 10_000;

const KEY_BYTES = 32;
/**
 * Encrypted by the derived key itself, not by a key that is sent along. `enc` stands first: a header
 * that begins with `alg` begins as that of a signed token does, for which Redis is searched.
 */
const ENCRYPTION = { enc: 'A256GCM', alg: 'dir' };

/** KEYS lock. ARGV owner. */
const UNLOCK = new LuaScript(`
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
`);

/** KEYS lock. ARGV owner, ms. */
const RENEW = new LuaScript(`
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return 0
`);

/** KEYS token. ARGV fingerprint. */
const DROP = new LuaScript(`
local kept = redis.call('GET', KEYS[1])
if kept and string.sub(kept, 1, #ARGV[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
`);

export type TokenVault = Pick<SharedTokenVault, keyof SharedTokenVault>;

export interface AtlasCredentials {
  clientId: string;
  clientSecret: string;
}

interface VaultOptions {
  redis: Redis;
  keyPrefix: string;
  baseUrl: string;
  credentials: () => AtlasCredentials;
}

/** What follows from a pair of credentials. */
interface Derived extends AtlasCredentials {
  encryptionKey: Buffer;
  fingerprintKey: Buffer;
  keys: TokenKeys;
}

function deriveFrom(
  { clientId, clientSecret }: AtlasCredentials,
  { baseUrl, keyPrefix }: VaultOptions,
): Derived {
  const salt = `${clientId}\n${new URL(baseUrl).href}`;
  const derive = (purpose: string) =>
    Buffer.from(hkdfSync('sha256', clientSecret, salt, `atlas-batch ${purpose}`, KEY_BYTES));
  const name = derive('key name').toString('hex').slice(0, 16);
  return {
    clientId,
    clientSecret,
    encryptionKey: derive('token encryption'),
    fingerprintKey: derive('token fingerprint'),
    keys: tokenKeys(keyPrefix, name),
  };
}

export class SharedTokenVault {
  private readonly redis: Redis;
  private last: Derived | undefined;

  constructor(private readonly options: VaultOptions) {
    this.redis = options.redis;
  }

  private get derived(): Derived {
    const { clientId, clientSecret } = this.options.credentials();
    if (this.last?.clientId !== clientId || this.last.clientSecret !== clientSecret) {
      this.last = deriveFrom({ clientId, clientSecret }, this.options);
    }
    return this.last;
  }

  private get keys(): TokenKeys {
    return this.derived.keys;
  }

  async read(): Promise<string | undefined> {
    const kept = await fromRedis(this.redis.get(this.keys.token));
    return kept === null ? undefined : this.open(kept);
  }

  /** Keeps the token: the credentials are refused no more. */
  async save(token: string): Promise<void> {
    const sealed = await this.seal(token);
    await fromRedis(
      Promise.all([
        this.redis.set(this.keys.token, sealed, 'PX', TOKEN_TTL_MS),
        this.redis.del(this.keys.refused),
      ]),
    );
  }

  /** Forgets this token. Another, newer one stays. */
  async drop(token: string): Promise<void> {
    await fromRedis(DROP.run(this.redis, [this.keys.token], [this.fingerprint(token)]));
  }

  /** The right to ask for a token, until the returned function is called; undefined when taken. */
  async lock(): Promise<(() => Promise<void>) | undefined> {
    const owner = randomBytes(KEY_BYTES).toString('hex');
    const won = await fromRedis(this.redis.set(this.keys.lock, owner, 'PX', LOCK_TTL_MS, 'NX'));
    if (won === null) return undefined;
    const renewal = setInterval(() => {
      // At worst, a renewal that fails costs a second request for a token.
      fromRedis(RENEW.run(this.redis, [this.keys.lock], [owner, LOCK_TTL_MS])).catch(() => {});
    }, LOCK_RENEWAL_MS);
    return async () => {
      clearInterval(renewal);
      await fromRedis(UNLOCK.run(this.redis, [this.keys.lock], [owner]));
    };
  }

  async saveRefusal(): Promise<void> {
    await fromRedis(this.redis.set(this.keys.refused, '1', 'PX', REFUSAL_TTL_MS));
  }

  /** How long refused credentials still wait; 0 when they were not refused. */
  async refusedForMs(): Promise<number> {
    return Math.max(0, await fromRedis(this.redis.pttl(this.keys.refused)));
  }

  private fingerprint(token: string): string {
    return createHmac('sha256', this.derived.fingerprintKey).update(token).digest('hex');
  }

  /** `<fingerprint>.<compact JWE>` */
  private async seal(token: string): Promise<string> {
    const jwe = new CompactEncrypt(Buffer.from(token)).setProtectedHeader(ENCRYPTION);
    return `${this.fingerprint(token)}.${await jwe.encrypt(this.derived.encryptionKey)}`;
  }

  /** Undefined when it was changed, or sealed in another way: then a new token is needed. */
  private async open(kept: string): Promise<string | undefined> {
    try {
      const jwe = kept.slice(kept.indexOf('.') + 1);
      const { plaintext } = await compactDecrypt(jwe, this.derived.encryptionKey, {
        keyManagementAlgorithms: [ENCRYPTION.alg],
        contentEncryptionAlgorithms: [ENCRYPTION.enc],
      });
      return Buffer.from(plaintext).toString('utf8');
    } catch {
      return undefined;
    }
  }
}

/** Without Redis (the doctor, tools) the process keeps everything in its own memory. */
export class LocalTokenVault implements TokenVault {
  private refusedUntil = 0;

  async read(): Promise<undefined> {}

  async save(_token: string): Promise<void> {
    this.refusedUntil = 0;
  }

  async drop(_token: string): Promise<void> {}

  async lock(): Promise<() => Promise<void>> {
    return async () => {};
  }

  async saveRefusal(): Promise<void> {
    this.refusedUntil = performance.now() + REFUSAL_TTL_MS;
  }

  async refusedForMs(): Promise<number> {
    return Math.max(0, this.refusedUntil - performance.now());
  }
}
