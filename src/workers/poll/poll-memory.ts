/**
 * Limits what polls hold in memory. All pages of a poll stay there until its result is stored, and
 * tens of polls are under way at once. Without a limit Atlas could fill our memory.
 */
import pLimit from 'p-limit';
import { TransientError } from '../../errors.js';
import { unlessAborted } from '../../timeouts.js';

const MIB = 1024 * 1024;
/** Polls that hold more than this take turns. Hardly any does that reads real documents. */
const LARGE_POLL_BYTES = MIB;
const LARGE_POLLS_AT_ONCE = 2;
/** A poll fails that holds more: a rich extract has some ten KiB. */
const POLL_MIB = 32;
const POLL_MIB_PER_DOCUMENT = 1;
const MAX_POLL_MIB = 512;

/** One for the process, because it is the process that runs out of memory. */
const largePolls = pLimit(LARGE_POLLS_AT_ONCE);

export class PollMemory {
  private readonly limitMib: number;
  private bytes = 0;
  private turn: Promise<() => void> | undefined;
  private released = false;

  /** @param endedBy The first of these signals ends the wait for a turn. */
  constructor(
    private readonly atlasBatchId: string,
    documentCount: number,
    private readonly endedBy: readonly AbortSignal[],
  ) {
    this.limitMib = Math.min(MAX_POLL_MIB, POLL_MIB + documentCount * POLL_MIB_PER_DOCUMENT);
  }

  /**
   * Counts a page that was read; a large poll waits for its turn.
   * @throws TransientError ATLAS_PROTOCOL beyond the limit; the reason of a signal.
   */
  async hold(bytes: number): Promise<void> {
    // Pages are read in parallel: one may arrive when another has failed and the poll is over. It
    // would take a turn that nobody gives back.
    if (this.released) throw new Error(`the poll of ${this.atlasBatchId} is over`);
    this.bytes += bytes;
    if (this.bytes > this.limitMib * MIB) {
      throw new TransientError(
        'ATLAS_PROTOCOL',
        `the list of extracts of ${this.atlasBatchId} does not end: it is larger than ${this.limitMib} MiB`,
      );
    }
    if (this.bytes > LARGE_POLL_BYTES) {
      this.turn ??= takeTurn();
      await unlessAborted(this.turn, AbortSignal.any([...this.endedBy]));
    }
  }

  /** To be called once, when the poll is over, however it ended. */
  release(): void {
    this.released = true;
    void this.turn?.then((giveBack) => giveBack());
  }
}

function takeTurn(): Promise<() => void> {
  return new Promise((taken) => {
    void largePolls(() => new Promise<void>((giveBack) => taken(giveBack)));
  });
}
