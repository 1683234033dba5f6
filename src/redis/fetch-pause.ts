/**
 * A pause between two fetches of jobs that Redis refuses. BullMQ fetches again at once when Redis
 * answers with an error: a full Redis then takes a core of the worker and thousands of log lines a
 * second.
 */
import { pause } from '../timeouts.js';

/** Doubled with each refusal in a row: soon back after a moment's refusal, no burden in a long one. */
export const MIN_PAUSE_MS = 1000;
const MAX_PAUSE_MS = 5000;

export class FetchPause {
  private refusals = 0;
  private running: Promise<void> | undefined;
  private readonly closing = new AbortController();

  /** The pause that is under way; undefined when there is none. All fetches of a worker wait for it. */
  get current(): Promise<void> | undefined {
    return this.running;
  }

  /** Redis refused a fetch. Resolves when the pause that follows is over. */
  begin(): Promise<void> {
    this.running ??= this.wait();
    return this.running;
  }

  /** Redis answered a fetch: the next refusal begins with a short pause again. */
  answered(): void {
    this.refusals = 0;
  }

  /** Ends the pause, and all later ones at once. */
  end(): void {
    this.closing.abort();
  }

  private async wait(): Promise<void> {
    const ms = Math.min(MAX_PAUSE_MS, MIN_PAUSE_MS * 2 ** this.refusals);
    this.refusals += 1;
    await pause(ms, this.closing.signal).catch(() => {});
    this.running = undefined;
  }
}
