/**
 * What Atlas answered to uploads and Redis has not taken yet. A process that ends with any of it makes
 * the next worker guess, so it says what it held.
 */
import { setMaxListeners } from 'node:events';
import type { Logger } from '../../logging.js';
import { createRepeatedWarnings, type WarnOfError } from '../../repeated-lines.js';
import { pause } from '../../timeouts.js';

/** Between two tries to write one: soon after a refusal has ended, and few commands in a long one. */
const RETRY_MS = 500;

interface Unwritten {
  reference: string;
  /** Null when Atlas gave none. */
  atlasBatchId: string | null;
}

export class UnwrittenResults {
  private readonly held = new Map<string, Unwritten>();
  private readonly ended = new AbortController();
  private readonly warn: WarnOfError;

  constructor(private readonly logger: Logger) {
    this.warn = createRepeatedWarnings(logger);
    // Every upload that is being sent may listen; each takes its listener away.
    setMaxListeners(0, this.ended.signal);
  }

  /** How many there are: as many as uploads that are being sent, at most. */
  get size(): number {
    return this.held.size;
  }

  /** Writes until Redis takes it, for as long as the worker runs. Rejects with the error after that. */
  async write<T>(nonce: string, what: Unwritten, attempt: () => Promise<T>): Promise<T> {
    this.held.set(nonce, what);
    try {
      for (;;) {
        try {
          return await attempt();
        } catch (error) {
          this.warn(error, 'Redis does not take what Atlas answered to an upload; trying on');
          await pause(RETRY_MS, this.ended.signal).catch(() => {
            throw error;
          });
        }
      }
    } finally {
      this.held.delete(nonce);
    }
  }

  /** The worker has ended: says what it could not write. */
  stop(): void {
    this.ended.abort();
    for (const { reference, atlasBatchId } of this.held.values()) {
      const what = atlasBatchId === null ? 'what Atlas answered' : atlasBatchId;
      this.logger.error(
        { reference, atlasBatchId },
        `the worker ends and could not save ${what} for ${reference}; Atlas may get it again`,
      );
    }
  }
}
