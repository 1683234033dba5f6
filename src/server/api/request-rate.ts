/** How often each token may call, in windows of a fixed length. There are as many windows as tokens. */
import { ApiProblem } from './problem.js';

const WINDOW_MS = 10_000;

export class RequestRate {
  private readonly windows = new Map<string, { until: number; left: number }>();

  /** @param max Requests of one token in a window. */
  constructor(private readonly max: number) {}

  /** Counts a request. @throws ApiProblem when the token has called too often in this window. */
  count(tokenName: string): void {
    const now = performance.now();
    const known = this.windows.get(tokenName);
    const window = known && known.until > now ? known : { until: now + WINDOW_MS, left: this.max };
    this.windows.set(tokenName, window);
    window.left -= 1;
    if (window.left >= 0) return;
    const retryAfterSeconds = Math.ceil((window.until - now) / 1000);
    throw new ApiProblem('TOO_MANY_REQUESTS', { retryAfterSeconds });
  }
}
