/**
 * The token of this process, and how it comes by a new one.
 *
 * One request for a token at a time, over all processes: an Atlas that honours only the newest
 * would otherwise make them evict each other. Within a process all who need one wait for the same.
 */
import { PermanentError, TransientError } from '../errors.js';
import { pause, unlessAborted } from '../timeouts.js';
import { ResponseError } from './response-errors.js';
import type { TokenVault } from './token-vault.js';

/** Between two checks whether another process has brought the token: requests take about that. */
const WAIT_FOR_OTHER_MS = 50;
/** Refused ones come back spread over this, so that they do not ask all at once. */
const REFUSAL_SPREAD_MS = 10_000;

export class TokenSource {
  private token: string | undefined;
  /** This process had a token: credentials have worked even if Redis has forgotten it. */
  private worked = false;
  private underWay: Promise<string> | undefined;

  constructor(
    private readonly options: {
      vault: TokenVault;
      /** One authtoken request. */
      fetch: () => Promise<string>;
      /** Longest wait for another process's request. */
      timeoutMs: number;
      random: () => number;
      onFetched: () => void;
    },
  ) {}

  /**
   * The token to use. Throws PermanentError (`ATLAS_AUTH`) when the credentials are refused and
   * never gave a token, TransientError otherwise: nothing was sent.
   */
  async get(signal?: AbortSignal): Promise<string> {
    signal?.throwIfAborted();
    return this.token ?? this.shared(signal);
  }

  /** The token failed. Another, newer one that this or another process has stays. */
  async drop(token: string): Promise<void> {
    if (this.token === token) this.token = undefined;
    await this.options.vault.drop(token);
  }

  /** Asks Atlas for a new token in any case: to see that it answers. Throws as {@link get}. */
  async refresh(signal?: AbortSignal): Promise<string> {
    const old = this.token ?? (await this.options.vault.read());
    if (old !== undefined) await this.drop(old);
    return this.get(signal);
  }

  /** All who need a token wait for the same one; who is aborted leaves the others to it. */
  private shared(signal: AbortSignal | undefined): Promise<string> {
    this.underWay ??= this.obtain()
      .then((token) => {
        this.token = token;
        this.worked = true;
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
      if (refusedForMs > 0) throw await this.refusal(refusedForMs);
      const unlock = await vault.lock();
      if (unlock === undefined) {
        await pause(WAIT_FOR_OTHER_MS);
        continue;
      }
      try {
        // Another may have brought it between our check and the lock.
        return (await vault.read()) ?? (await this.fetch());
      } finally {
        // A lock that cannot be given back runs out by itself.
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
      throw await this.refusal(0, error);
    }
    await vault.save(token);
    onFetched();
    return token;
  }

  /** Credentials that once gave a token are an outage of Atlas's; others are wrong. */
  private async refusal(forMs: number, first?: ResponseError): Promise<Error> {
    if (!this.worked && !(await this.options.vault.proven())) {
      return new PermanentError(
        'ATLAS_AUTH',
        'Atlas refuses the client id and secret, and never gave a token for them',
      );
    }
    if (first !== undefined) return first;
    const retryAfterMs = Math.ceil(forMs + this.options.random() * REFUSAL_SPREAD_MS);
    return new TransientError(
      'ATLAS_AUTH',
      'Atlas refuses the client id and secret, which it took before',
      { retryAfterMs },
    );
  }
}
