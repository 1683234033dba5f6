/**
 * Bounds what the polls of a process hold in memory: the pages that they read, and what is made of
 * them, until the result is stored. Without it Atlas could fill our memory, and a slow S3 would help.
 *
 * It is a bound in bytes, of a heap of 256 MiB. A poll for which there is no room gives back all that
 * it holds, and its job sleeps, so that it takes no place of a worker. It says how much it wanted, and
 * asks for a multiple of it before it reads anything again: what is read in vain is bounded too.
 *
 * What a poll that is over has read may stay until a poll needs the room.
 */
import type { ResponseMemory } from '../../../http/exchange.js';
import { plural } from '../../../plural.js';
import { ListTooLargeError, NoMemoryError } from './memory-errors.js';

const KIB = 1024;
const MIB = 1024 * KIB;
/** What an item takes besides its text: its place, its id, its form and what they are listed in. Measured: up to 310. */
const ITEM_BYTES = 320;
/**
 * A poll may hold so much, and more with each document: a whole page, and 1 MiB a document, where a rich
 * extract has some ten KiB. A letter that is not ASCII makes it two bytes for each.
 */
const POLL_BYTES = 32 * MIB;
const POLL_BYTES_PER_DOCUMENT = 2 * MIB;
/** A poll that found no room asks for so many times what it held: three polls read it all, and not ten. */
const GROWTH = 4;

/** What polls may hold together. A poll counts in one of the three. */
export interface MemoryLimits {
  /** A poll that holds at most this is small. Hardly any is larger that reads ten documents. */
  smallPollBytes: number;
  /** For small polls: they pass large ones that wait. */
  smallBytes: number;
  /** For all others: one list of a few documents that does not end, or some dozens of rich ones. */
  sharedBytes: number;
  /** For one poll that finds no room there. It never waits again, so that one always gets on. */
  reserveBytes: number;
}

/** A heap of 256 MiB holds these, a worker's own 45 MiB, and as much garbage as one page makes. */
export const MEMORY_LIMITS: MemoryLimits = {
  smallPollBytes: 256 * KIB,
  smallBytes: 16 * MIB,
  sharedBytes: 36 * MIB,
  reserveBytes: 112 * MIB,
};

type Area = 'small' | 'shared' | 'reserve';

/** One for the process, because it is the process that runs out of memory. */
export class PollMemory {
  private readonly used: Record<Area, number> = { small: 0, shared: 0, reserve: 0 };
  /** What of it may go. */
  private readonly kept: Record<Area, number> = { small: 0, shared: 0, reserve: 0 };
  /** Those that are over and stay until there is need, the oldest first, with what is told then. */
  private readonly lingering = new Map<PollAccount, () => void>();
  private reservedFor: PollAccount | undefined;

  /** @param onChange Told how many bytes all polls hold. */
  constructor(
    readonly limits: MemoryLimits,
    private readonly onChange: (heldBytes: number) => void = () => {},
  ) {}

  /** By polls that are under way. */
  get heldBytes(): number {
    const { used, kept } = this;
    return used.small + used.shared + used.reserve - kept.small - kept.shared;
  }

  /** For one poll; it has to be closed. */
  open(atlasBatchId: string, documentCount: number): PollAccount {
    const most = POLL_BYTES + documentCount * POLL_BYTES_PER_DOCUMENT;
    return new PollAccount(
      this,
      atlasBatchId,
      documentCount,
      Math.min(this.limits.reserveBytes, most),
    );
  }

  /** Lets a poll hold so much in all. @returns false when there is no room. */
  charge(poll: PollAccount, bytes: number): boolean {
    for (const area of this.areasFor(poll, bytes)) {
      const others = this.used[area] - (poll.area === area ? poll.charged : 0);
      if (!this.makeRoom(area, others + bytes)) continue;
      this.used[poll.area] -= poll.charged;
      this.used[area] += bytes;
      if (area === 'reserve') this.reservedFor = poll;
      poll.area = area;
      poll.charged = bytes;
      this.onChange(this.heldBytes);
      return true;
    }
    return false;
  }

  /**
   * Leaves what a poll that is over holds where it is, until somebody needs the room.
   * @returns false when there is no room but the reserve: the poll holds it still.
   */
  leave(poll: PollAccount, bytes: number, onNeed: () => void): boolean {
    const area = bytes <= this.limits.smallPollBytes ? 'small' : 'shared';
    const others = this.used[area] - (poll.area === area ? poll.charged : 0);
    if (!this.makeRoom(area, others + bytes)) return false;
    this.release(poll);
    this.used[area] += bytes;
    this.kept[area] += bytes;
    Object.assign(poll, { area, charged: bytes });
    this.lingering.set(poll, onNeed);
    return true;
  }

  /** What lingers is in use: it may not go meanwhile. @returns what lets it linger again. */
  hold(poll: PollAccount): () => void {
    const onNeed = this.lingering.get(poll);
    if (!onNeed) return () => {};
    this.lingering.delete(poll);
    this.kept[poll.area] -= poll.charged;
    return () => {
      this.kept[poll.area] += poll.charged;
      this.lingering.set(poll, onNeed);
    };
  }

  release(poll: PollAccount): void {
    if (this.lingering.delete(poll)) this.kept[poll.area] -= poll.charged;
    this.used[poll.area] -= poll.charged;
    poll.charged = 0;
    if (this.reservedFor === poll) this.reservedFor = undefined;
    this.onChange(this.heldBytes);
  }

  /** Whether so much fits in all, when what lingers there goes as far as needed. */
  private makeRoom(area: Area, bytes: number): boolean {
    const limit = this.limits[`${area}Bytes`];
    if (bytes - this.kept[area] > limit) return false;
    let tooMuch = bytes - limit;
    for (const [poll, onNeed] of this.lingering) {
      if (tooMuch <= 0) break;
      if (poll.area !== area) continue;
      tooMuch -= poll.charged;
      this.release(poll);
      onNeed();
    }
    return true;
  }

  private areasFor(poll: PollAccount, bytes: number): Area[] {
    if (this.reservedFor === poll) return ['reserve'];
    const areas: Area[] = bytes <= this.limits.smallPollBytes ? ['small', 'shared'] : ['shared'];
    return this.reservedFor === undefined ? [...areas, 'reserve'] : areas;
  }
}

/** What one poll holds. */
export class PollAccount {
  area: Area = 'small';
  /** What it counts as in its area: what it holds, or asked for before. */
  charged = 0;
  private held = 0;
  private closed = false;
  private lingers = false;

  constructor(
    private readonly memory: PollMemory,
    private readonly atlasBatchId: string,
    private readonly documentCount: number,
    private readonly limitBytes: number,
  ) {}

  /**
   * Makes sure of so much before anything is read.
   * @throws NoMemoryError
   */
  expect(bytes: number): void {
    const wanted = Math.min(bytes, this.limitBytes);
    if (!this.memory.charge(this, wanted)) throw new NoMemoryError(wanted);
  }

  /** For one page. */
  page(): PageMemory {
    let pageBytes = 0;
    const hold = (bytes: number) => {
      if (this.held - pageBytes + bytes > this.limitBytes) {
        // Nothing is kept of it, so those that arrive beside it may fit.
        this.held -= pageBytes;
        pageBytes = 0;
        throw this.tooLarge();
      }
      this.grow(bytes - pageBytes);
      pageBytes = bytes;
    };
    return { hold, holdItems: (count) => hold(pageBytes + count * ITEM_BYTES) };
  }

  /**
   * The poll is over, and what it has read stays until a poll needs the room; then `onNeed` is called.
   * @returns false when it cannot stay.
   */
  linger(onNeed: () => void): boolean {
    this.closed = true;
    const bytes = this.held + this.documentCount * ITEM_BYTES;
    this.lingers = this.memory.leave(this, bytes, onNeed);
    return this.lingers;
  }

  /** To be called when the poll is over, however it ended. Leaves what lingers. */
  close(): void {
    this.closed = true;
    if (!this.lingers) this.memory.release(this);
  }

  /** As {@link PollMemory.hold}. */
  hold(): () => void {
    return this.memory.hold(this);
  }

  /** What lingers is needed no more. */
  forget(): void {
    this.memory.release(this);
  }

  private grow(bytes: number): void {
    // Pages are read in parallel: one may arrive when another has failed and the poll is over. It
    // would take room that nobody gives back.
    if (this.closed) throw new Error(`the poll of ${this.atlasBatchId} is over`);
    this.held += bytes;
    if (this.held <= this.charged || this.memory.charge(this, this.held)) return;
    throw new NoMemoryError(Math.min(this.limitBytes, GROWTH * this.held));
  }

  private tooLarge(): ListTooLargeError {
    const most = `${Math.floor(this.limitBytes / MIB)} MiB for ${plural(this.documentCount, 'document')}`;
    return new ListTooLargeError(
      `the list of extracts of ${this.atlasBatchId} is larger than a worker may hold, which is ${most}. What was read within that is kept. Send fewer documents in an upload (ATLAS_MAX_DOCUMENTS_PER_UPLOAD), or ask Atlas whether the list ends`,
      this.held === 0,
    );
  }
}

/** What a page takes: its text while it arrives, and its items. */
export interface PageMemory extends ResponseMemory {
  holdItems(count: number): void;
}
