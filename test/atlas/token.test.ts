import { describe, expect, it } from 'vitest';
import { ResponseError } from '../../src/atlas/responses/response-errors.js';
import { rowFor } from '../../src/atlas/responses/response-table.js';
import { TokenSource } from '../../src/atlas/token.js';
import { LocalTokenVault, SharedTokenVault } from '../../src/atlas/token-vault.js';
import { type TestRedis, testRedis } from '../helpers/redis.js';
import { connect, contents } from './redis-connection.js';

const CLIENT_ID = 'canary-client-id';
const CLIENT_SECRET = 'canary-client-secret';

/** Atlas as far as tokens go. */
class TokenEndpoint {
  requests = 0;
  refuses = false;
  failure: Error | undefined;
  /** Held back while this is pending. */
  gate: Promise<void> = Promise.resolve();

  readonly fetch = async (): Promise<string> => {
    this.requests += 1;
    const token = `canary-token-${this.requests}`;
    await this.gate;
    if (this.failure !== undefined) throw this.failure;
    if (this.refuses) throw new ResponseError(rowFor('authtoken', 401), 'answered 401');
    return token;
  };
}

function vaultOf(test: TestRedis, clientSecret = CLIENT_SECRET): SharedTokenVault {
  return new SharedTokenVault({
    redis: connect(test),
    keyPrefix: test.prefix,
    baseUrl: 'https://atlas.example.com',
    credentials: () => ({ clientId: CLIENT_ID, clientSecret }),
  });
}

/** The token source of one more process. */
function sourceOf(
  endpoint: TokenEndpoint,
  vault: SharedTokenVault | LocalTokenVault,
  timeoutMs = 5000,
  told: string[] = [],
  now?: () => number,
): TokenSource {
  return new TokenSource({
    vault,
    fetch: endpoint.fetch,
    timeoutMs,
    random: () => 0.5,
    ...(now && { now }),
    onFetched: () => {},
    onAccepted: () => told.push('accepted'),
    onRefused: () => told.push('refused'),
  });
}

function gate(): { open: () => void; opened: Promise<void> } {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open, opened };
}

describe('the token of all processes', () => {
  it('the token is asked for once, however many processes need it at once', async () => {
    const test = testRedis();
    const endpoint = new TokenEndpoint();
    const sources = [1, 2, 3].map(() => sourceOf(endpoint, vaultOf(test)));
    const tokens = await Promise.all(
      sources.flatMap((source) => Array.from({ length: 30 }, () => source.get())),
    );
    expect(new Set(tokens)).toEqual(new Set(['canary-token-1']));
    expect(endpoint.requests).toBe(1);
  });

  it('a token that fails for a batch that fails is dropped only where nobody has used it for long', async () => {
    let now = 0;
    const endpoint = new TokenEndpoint();
    const source = sourceOf(endpoint, new LocalTokenVault(), 5000, [], () => now);
    const refused = new ResponseError(rowFor('multiupload', 401), 'answered 401');
    const good = new Set(['canary-token-1']);
    const send = async (token: string) => {
      if (!good.has(token)) throw refused;
      return token;
    };
    expect(await source.use(send, { isFailing: false })).toBe('canary-token-1');
    now = 59_000;
    expect(await source.use(send, { isFailing: false })).toBe('canary-token-1');
    good.clear();
    now = 62_000;
    await expect(source.use(send, { isFailing: true })).rejects.toBe(refused);
    expect(endpoint.requests).toBe(1);
    good.add('canary-token-2');
    now = 70_000;
    expect(await source.use(send, { isFailing: true })).toBe('canary-token-2');
  });

  it('the token is asked for again once when it fails, and a newer one is not dropped with it', async () => {
    const test = testRedis();
    const endpoint = new TokenEndpoint();
    const [one, other] = [sourceOf(endpoint, vaultOf(test)), sourceOf(endpoint, vaultOf(test))];
    const old = await one.get();
    await other.get();
    await one.drop(old);
    expect(await one.get()).toBe('canary-token-2');
    await other.drop(old);
    expect(await other.get()).toBe('canary-token-2');
    await one.drop(old);
    expect(await one.get()).toBe('canary-token-2');
    expect(endpoint.requests).toBe(2);
  });

  it('neither the token nor the credentials are in Redis in clear or for ever', async () => {
    const test = testRedis();
    const endpoint = new TokenEndpoint();
    await sourceOf(endpoint, vaultOf(test)).get();
    endpoint.refuses = true;
    await sourceOf(endpoint, vaultOf(test, 'canary-wrong-secret'))
      .get()
      .catch(() => {});
    const kept = await contents(connect(test), test.prefix);
    expect(kept.length).toBeGreaterThanOrEqual(2);
    for (const { key, value, ttl } of kept) {
      expect(ttl).toBeGreaterThan(0);
      for (const secret of ['canary-token-1', CLIENT_ID, CLIENT_SECRET, 'canary-wrong-secret']) {
        for (const form of ['utf8', 'base64', 'hex'] as const) {
          // Base64 of a part: the end of it depends on what follows.
          expect(key + value).not.toContain(Buffer.from(secret).toString(form).slice(0, 12));
        }
        expect(Buffer.from(value, 'base64').toString('latin1')).not.toContain(secret);
      }
    }
  });

  it('the token in Redis cannot be read with another secret, nor after it was changed', async () => {
    const test = testRedis();
    const vault = vaultOf(test);
    await vault.save('canary-token');
    expect(await vault.read()).toBe('canary-token');
    expect(await vaultOf(test, 'other').read()).toBeUndefined();

    const redis = connect(test);
    const sealed = (await contents(redis, test.prefix)).find(({ value }) => value.length > 10);
    if (sealed === undefined) throw new Error('no token kept');
    const middle = Math.floor(sealed.value.length * 0.9);
    const other = sealed.value[middle] === 'A' ? 'B' : 'A';
    const changed = sealed.value.slice(0, middle) + other + sealed.value.slice(middle + 1);
    for (const value of [changed, '', 'x', 'x.y', sealed.value.slice(0, 70)]) {
      await redis.set(sealed.key, value);
      expect(await vault.read()).toBeUndefined();
    }
    expect(await sourceOf(new TokenEndpoint(), vault).get()).toBe('canary-token-1');
  });

  it('the token is fetched by another process when the one that asks dies', async () => {
    const test = testRedis();
    const endpoint = new TokenEndpoint();
    const unlock = await vaultOf(test).lock();
    const redis = connect(test);
    const [lock] = await contents(redis, test.prefix);
    await unlock?.();
    if (lock === undefined) throw new Error('no lock');
    await redis.set(lock.key, 'a dead process', 'PX', 200);
    expect(await sourceOf(endpoint, vaultOf(test)).get()).toBe('canary-token-1');
  });

  it('a process waits only so long for the token that another asks for', async () => {
    const test = testRedis();
    const unlock = await vaultOf(test).lock();
    const waiting = sourceOf(new TokenEndpoint(), vaultOf(test), 100).get();
    await expect(waiting).rejects.toMatchObject({ code: 'ATLAS_UNAVAILABLE', taken: 'not-taken' });
    await unlock?.();
  });

  it('the lock of the token is kept while the request for it lasts', async () => {
    const test = testRedis();
    const vault = vaultOf(test);
    const unlock = await vault.lock();
    const redis = connect(test);
    const [lock] = await contents(redis, test.prefix);
    await redis.pexpire(lock?.key ?? '', 2000);
    await expect.poll(() => redis.pttl(lock?.key ?? ''), { timeout: 2500 }).toBeGreaterThan(2200);
    expect(await vault.lock()).toBeUndefined();
    await unlock?.();
    expect(await contents(redis, test.prefix)).toEqual([]);
  });

  it('the token comes to the others when one who waits is aborted', async () => {
    const endpoint = new TokenEndpoint();
    const { open, opened } = gate();
    endpoint.gate = opened;
    const source = sourceOf(endpoint, vaultOf(testRedis()));
    const abort = new AbortController();
    const reason = new Error('stopping');
    const aborted = source.get(abort.signal);
    const waiting = source.get();
    abort.abort(reason);
    await expect(aborted).rejects.toBe(reason);
    open();
    expect(await waiting).toBe('canary-token-1');
    await expect(source.get(abort.signal)).rejects.toBe(reason);
  });

  it('refresh asks for the token anew, and shares it', async () => {
    const test = testRedis();
    const endpoint = new TokenEndpoint();
    const [one, other] = [sourceOf(endpoint, vaultOf(test)), sourceOf(endpoint, vaultOf(test))];
    await one.get();
    expect(await one.refresh()).toBe('canary-token-2');
    expect(await other.get()).toBe('canary-token-2');
  });
});

describe('credentials that are refused', () => {
  it('refused credentials are a transient error, and are not shown to Atlas again for a while', async () => {
    const test = testRedis();
    const endpoint = new TokenEndpoint();
    endpoint.refuses = true;
    const sources = [1, 2].map(() => sourceOf(endpoint, vaultOf(test)));
    for (const source of [...sources, ...sources]) {
      const error = await source.get().catch((reason: unknown) => reason);
      expect(error).toMatchObject({
        name: 'TurnedAwayError',
        code: 'ATLAS_AUTH',
        taken: 'not-taken',
      });
      expect(Object(error).retryAfterMs).toBeGreaterThan(5000);
    }
    expect(endpoint.requests).toBe(1);
  });

  it('refused credentials are told of, and so is the token that another process gets for them', async () => {
    const test = testRedis();
    const endpoint = new TokenEndpoint();
    endpoint.refuses = true;
    const told: string[] = [];
    const one = sourceOf(endpoint, vaultOf(test), 5000, told);
    await one.get().catch(() => {});
    await one.get().catch(() => {});
    endpoint.refuses = false;
    await vaultOf(test).save('canary-token-of-another');
    await one.get();
    expect(told).toEqual(['refused', 'refused', 'accepted']);
    expect(endpoint.requests).toBe(1);
  });

  it('other errors of the token endpoint do not count as refused credentials', async () => {
    const test = testRedis();
    const endpoint = new TokenEndpoint();
    endpoint.failure = new ResponseError(rowFor('authtoken', 500), 'answered 500');
    const source = sourceOf(endpoint, vaultOf(test));
    await expect(source.get()).rejects.toBe(endpoint.failure);
    endpoint.failure = undefined;
    expect(await source.get()).toBe('canary-token-2');
  });
});

describe('without Redis', () => {
  it('a process without Redis has its own token', async () => {
    const endpoint = new TokenEndpoint();
    const source = sourceOf(endpoint, new LocalTokenVault());
    const tokens = await Promise.all([source.get(), source.get()]);
    expect(tokens).toEqual(['canary-token-1', 'canary-token-1']);
    await source.drop('another');
    expect(await source.get()).toBe('canary-token-1');
    await source.drop('canary-token-1');
    expect(await source.get()).toBe('canary-token-2');
  });

  it('a process without Redis remembers that its credentials were refused', async () => {
    const endpoint = new TokenEndpoint();
    endpoint.refuses = true;
    const source = sourceOf(endpoint, new LocalTokenVault());
    for (let i = 0; i < 3; i += 1) {
      await expect(source.get()).rejects.toMatchObject({ code: 'ATLAS_AUTH' });
    }
    expect(endpoint.requests).toBe(1);
  });
});
