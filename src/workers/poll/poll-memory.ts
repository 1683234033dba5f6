/**
 * What looks may hold in memory. All pages of a look stay there until its result is stored, and
 * tens of looks are under way at once: Atlas must not be able to fill our memory with them.
 */
import pLimit from 'p-limit';
import { TroubleError } from '../../errors.js';

const MIB = 1024 * 1024;
/** A look that is larger goes on by turns, a few at once: hardly any honest one is. */
const LARGE_LOOK_BYTES = MIB;
const LARGE_LOOKS_AT_ONCE = 2;
/** Pages larger than all this cannot be ours: a rich extract has some ten KiB. */
const LOOK_MIB = 32;
const LOOK_MIB_PER_DOCUMENT = 1;
const MAX_LOOK_MIB = 512;

/** Over all looks of the process, since it is the process that runs out of memory. */
const largeLooks = pLimit(LARGE_LOOKS_AT_ONCE);

export class LookMemory {
  private readonly limitMib: number;
  private bytes = 0;
  private turn: Promise<() => void> | undefined;

  constructor(
    private readonly batchId: string,
    documents: number,
  ) {
    this.limitMib = Math.min(MAX_LOOK_MIB, LOOK_MIB + documents * LOOK_MIB_PER_DOCUMENT);
  }

  /**
   * Counts a page that was read; a large look waits for its turn.
   * @throws TroubleError ATLAS_PROTOCOL beyond the limit.
   */
  async hold(bytes: number): Promise<void> {
    this.bytes += bytes;
    if (this.bytes > this.limitMib * MIB) {
      throw new TroubleError(
        'ATLAS_PROTOCOL',
        `the list of extracts of ${this.batchId} does not end: it is larger than ${this.limitMib} MiB`,
      );
    }
    if (this.bytes > LARGE_LOOK_BYTES) {
      this.turn ??= takeTurn();
      await this.turn;
    }
  }

  /** The look is over; to be called once, however it ended. */
  release(): void {
    void this.turn?.then((giveBack) => giveBack());
  }
}

function takeTurn(): Promise<() => void> {
  return new Promise((taken) => {
    void largeLooks(() => new Promise<void>((giveBack) => taken(giveBack)));
  });
}
