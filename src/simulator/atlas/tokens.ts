/** Access tokens: given, checked and forgotten. */
import { randomBytes } from 'node:crypto';

/** Tokens beyond this many are forgotten, oldest first. */
const MAX_TOKENS = 10_000;

export class Tokens {
  readonly #issuedAt = new Map<string, number>();

  constructor(
    readonly ttlMs: number,
    readonly onlyNewest: boolean,
  ) {}

  issue(now: number): string {
    if (this.onlyNewest) this.#issuedAt.clear();
    const token = randomBytes(24).toString('base64url');
    this.#issuedAt.set(token, now);
    const [oldest] = this.#issuedAt.keys();
    if (this.#issuedAt.size > MAX_TOKENS && oldest !== undefined) this.#issuedAt.delete(oldest);
    return token;
  }

  honours(token: string | string[] | undefined, now: number): boolean {
    if (typeof token !== 'string') return false;
    const issuedAt = this.#issuedAt.get(token);
    return issuedAt !== undefined && now - issuedAt < this.ttlMs;
  }

  forgetAll(): void {
    this.#issuedAt.clear();
  }
}
