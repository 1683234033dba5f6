/**
 * The token of this process, and how it gets a new one.
 *
 * Over all processes there is one request for a token at a time. Otherwise processes would make
 * each other's tokens invalid at an Atlas that accepts only the newest. Within a process all calls
 * that need a token wait for the same request.
 */
import { TransientError, TurnedAwayError } from '../errors.js';
import { pause, unlessAborted } from '../timeouts.js';
import { ResponseError } from './responses/response-errors.js';
import { REFUSAL_TTL_MS, type TokenVault } from './token-vault.js';

/** Between two checks whether another process has the token; a request takes about this long. */
const WAIT_FOR_OTHER_MS = 50;
/** A token that Atlas gave or took within this is probably good. */
const GOOD_MS = 10_000;
/** Refused jobs come back spread over this, so that they do not ask all at once. */
const REFUSAL_SPREAD_MS = 10_000;

export class TokenSource {
  private token: string | undefined;
  /** When this process got it, or Atlas last took it, on the monotonic clock. */
  private goodAt = Number.NEGATIVE_INFINITY;
  private underWay: Promise<string> | undefined;

  constructor(
    private readonly options: {
      vault: TokenVault;
      /** One authtoken request. */
      fetch: () => Promise<string>;
      /** Longest wait for another process's request. */
      timeoutMs: number;
      random: () => number;
      /** Milliseconds of a monotonic clock. Default: that of the process. */
      now?: () => number;
      onFetched: () => void;
      /** There is one, whoever has fetched it. */
      onAccepted: () => void;
      /** Atlas refuses the credentials, whoever has asked. */
      onRefused: () => void;
    },
  ) {}

  /**
   * The token to use. Throws TransientError when there is none (`ATLAS_AUTH`: the credentials are
   * refused): nothing was sent.
   */
  async get(signal?: AbortSignal): Promise<string> {
    signal?.throwIfAborted();
    return this.token ?? this.shared(signal);
  }

  /**
   * Makes a request with the token. When Atlas refuses it, nothing was taken, and a new one is tried once.
   * @param isFailing The request is made for a batch that fails while others pass: a new token is not
   *   fetched for each of its requests, when the one in use is probably good.
   */
  async use<T>(
    send: (token: string, again: boolean) => Promise<T>,
    { isFailing, signal }: { isFailing: boolean; signal?: AbortSignal | undefined },
  ): Promise<T> {
    const token = await this.get(signal);
    try {
      const value = await send(token, false);
      if (this.token === token) this.goodAt = this.now();
      return value;
    } catch (error) {
      if (!(error instanceof ResponseError) || error.row.meaning !== 'auth') throw error;
      if (isFailing && this.now() - this.goodAt < GOOD_MS) throw error;
      await this.drop(token);
    }
    return send(await this.get(signal), true);
  }

  private now(): number {
    return this.options.now?.() ?? performance.now();
  }

  /** The token failed. A newer one that this or another process has stays. */
  async drop(token: string): Promise<void> {
    if (this.token === token) this.token = undefined;
    await this.options.vault.drop(token);
  }

  /** The token that all processes share, whatever this one has in its memory. Throws as {@link get}. */
  getShared(): Promise<string> {
    return this.shared(undefined);
  }

  /** Learns that another process with the same credentials was just refused. */
  async noticeRefusal(): Promise<void> {
    if ((await this.options.vault.refusedForMs()) > 0) this.options.onRefused();
  }

  /** Asks Atlas for a new token in any case, to see that it answers. Throws as {@link get}. */
  async refresh(signal?: AbortSignal): Promise<string> {
    const old = this.token ?? (await this.options.vault.read());
    if (old !== undefined) await this.drop(old);
    return this.get(signal);
  }

  /** All callers wait for the same token. An aborted one stops waiting; the others go on. */
  private shared(signal: AbortSignal | undefined): Promise<string> {
    this.underWay ??= this.obtain()
      .then((token) => {
        this.token = token;
        this.goodAt = this.now();
        this.options.onAccepted();
        return token;
      })
      .finally(() => {
        this.underWay = undefined;
      });
    return unlessAborted(this.underWay, signal);
  }

  private async obtain(): Promise<string> {
    const { vault, timeoutMs } = this.options;
    const timeoutAt = performance.now() + timeoutMs;
    while (performance.now() <= timeoutAt) {
      const shared = await vault.read();
      if (shared !== undefined) return shared;
      const refusedForMs = await vault.refusedForMs();
      if (refusedForMs > 0) throw this.refusal(refusedForMs);
      const unlock = await vault.lock();
      if (unlock === undefined) {
        await pause(WAIT_FOR_OTHER_MS);
        continue;
      }
      try {
        // Another process may have got it between our check and the lock.
        return (await vault.read()) ?? (await this.fetch());
      } finally {
        // A lock that cannot be given back expires by itself.
        await unlock().catch(() => {});
      }
    }
    throw new TransientError('ATLAS_UNAVAILABLE', 'another process has no token from Atlas yet');
  }

  private async fetch(): Promise<string> {
    const { vault, onFetched } = this.options;
    let token: string;
    try {
      token = await this.options.fetch();
    } catch (error) {
      if (!(error instanceof ResponseError) || error.row.meaning !== 'auth') throw error;
      await vault.saveRefusal();
      throw this.refusal(REFUSAL_TTL_MS);
    }
    await vault.save(token);
    onFetched();
    return token;
  }

  /** Wrong credentials may become right, and right ones wrong for a while: both are an outage. */
  private refusal(forMs: number): TurnedAwayError {
    const { onRefused, random } = this.options;
    onRefused();
    const retryAfterMs = Math.ceil(forMs + random() * REFUSAL_SPREAD_MS);
    return new TurnedAwayError('ATLAS_AUTH', 'Atlas refuses the client id and secret', {
      retryAfterMs,
    });
  }
}
