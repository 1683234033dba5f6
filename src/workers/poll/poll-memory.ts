/**
 * What polls may hold in memory. All pages of a poll stay there until its result is stored, and
 * tens of polls are under way at once: Atlas must not be able to fill our memory with them.
 */
import pLimit from 'p-limit';
import { TransientError } from '../../errors.js';
import { unlessAborted } from '../../timeouts.js';

const MIB = 1024 * 1024;
/** A poll that is larger goes on by turns, a few at once: hardly any honest one is. */
const LARGE_POLL_BYTES = MIB;
const LARGE_POLLS_AT_ONCE = 2;
/** Pages larger than all this cannot be ours: a rich extract has some ten KiB. */
const POLL_MIB = 32;
const POLL_MIB_PER_DOCUMENT = 1;
const MAX_POLL_MIB = 512;

/** Over all polls of the process, since it is the process that runs out of memory. */
const largePolls = pLimit(LARGE_POLLS_AT_ONCE);

export class PollMemory {
  private readonly limitMib: number;
  private bytes = 0;
  private turn: Promise<() => void> | undefined;
  private released = false;

  /** @param endedBy The wait for a turn ends with the first of them. */
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
    // Pages are read side by side: one may arrive when another has failed and the poll is over. A
    // turn that it took would never be given back.
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

  /** The poll is over; to be called once, however it ended. */
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
