/** The parts of a process that have been started, each with how it stops. */
import { settlesWithin } from '../timeouts.js';

/** For a last write, or for connections to end in order. */
const PART_TIMEOUT_MS = 500;

export class StartedParts {
  private readonly parts: { stop: () => unknown; timeoutMs: number }[] = [];

  /** Adds a part that has been started, or has begun to start. */
  add(stop: () => unknown, timeoutMs = PART_TIMEOUT_MS): void {
    this.parts.push({ stop, timeoutMs });
  }

  /**
   * Stops every part, the last one first: it may stand on those before it. What does not stop in
   * its time is left, and the next part is stopped. Never rejects: a part that fails to stop must
   * not keep the others running.
   */
  async stop(): Promise<void> {
    for (const { stop, timeoutMs } of this.parts.splice(0).reverse()) {
      await settlesWithin(Promise.resolve().then(stop), timeoutMs).catch(() => {});
    }
  }
}
