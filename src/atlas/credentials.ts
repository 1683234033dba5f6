/**
 * Whether Atlas takes our credentials. A refusal is an outage: whoever waits for its end finds it
 * here, for while nobody takes batches nobody else asks for a token.
 */
import type { Logger } from '../logging.js';

/** Mostly this asks Redis only: a refusal is remembered there for all processes. */
const ASK_EVERY_MS = 2_000;
/** Between two log lines. */
const LOG_EVERY_MS = 60_000;

export class Credentials {
  /** Atlas has refused them, and has given no token since. */
  areRefused = false;
  private refusedAt = 0;
  private timer: NodeJS.Timeout | undefined;
  private loggedAt = 0;

  constructor(
    private readonly options: {
      logger: Logger;
      onChange: (accepted: boolean) => void;
      /** Gets a token; rejects when there is none. */
      ask: () => Promise<unknown>;
    },
  ) {}

  refused(): void {
    if (!this.areRefused) {
      this.areRefused = true;
      this.refusedAt = performance.now();
      this.options.onChange(false);
      this.log();
      this.askLater();
    } else if (performance.now() - this.loggedAt >= LOG_EVERY_MS) this.log();
  }

  /** For how long; null while Atlas takes them. */
  get refusedForMs(): number | null {
    return this.areRefused ? performance.now() - this.refusedAt : null;
  }

  accepted(): void {
    if (!this.areRefused) return;
    this.stop();
    this.areRefused = false;
    this.options.onChange(true);
    this.options.logger.info({}, 'Atlas takes the client id and secret again');
  }

  stop(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  private log(): void {
    this.loggedAt = performance.now();
    this.options.logger.error(
      {},
      'Atlas refuses the client id and secret: nothing is sent until it takes them; correct ATLAS_CLIENT_ID and ATLAS_CLIENT_SECRET',
    );
  }

  private askLater(): void {
    const timer = setTimeout(async () => {
      // Whatever fails, the next one is due.
      await this.options.ask().catch(() => {});
      if (this.timer === timer) this.askLater();
    }, ASK_EVERY_MS).unref();
    this.timer = timer;
  }
}
