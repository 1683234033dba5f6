/**
 * What a worker sees of the heartbeats of all workers, to tell one that died from one that Redis
 * keeps from beating.
 *
 * A Redis that stalls, refuses or is away stops all heartbeats alike. So a worker is silent only when
 * it has not beaten while several beats of our own went through in a row, each in time. Nothing here
 * compares clocks: a beat is new when its score has changed, and time is this process's monotonic one.
 */
import { HEARTBEAT_INTERVAL_MS, HEARTBEAT_TTL_MS } from '../../jobs/liveness.js';

/** Own beats, from one to the next, that a silent worker has let pass. */
const SILENT_BEATS = HEARTBEAT_TTL_MS / HEARTBEAT_INTERVAL_MS;
/** A beat that takes longer says nothing of the others: theirs may be late for the same reason. */
const MAX_REPLY_MS = HEARTBEAT_INTERVAL_MS / 2;
/** A process that stood still has not watched. */
const MAX_GAP_MS = 1.5 * HEARTBEAT_INTERVAL_MS;
/** Kept this many beats after a worker fell silent: by then its jobs have been found. */
const KEPT_BEATS = 12 * SILENT_BEATS;

interface Seen {
  /** Of its last beat; null when Redis has none of it. */
  score: string | null;
  /** The number of our own beat that first saw it. */
  at: number;
}

export class HeartbeatWatch {
  /** In a row. */
  private beats = 0;
  private lastBegan: number | undefined;
  private readonly seen = new Map<string, Seen>();

  /**
   * A beat of our own went through, and read the score of every worker.
   * @param began when it was sent, and `ended` when its reply came, on the monotonic clock
   */
  saw(
    scores: ReadonlyMap<string, string>,
    { began, ended }: { began: number; ended: number },
  ): void {
    const gapMs = began - (this.lastBegan ?? began);
    this.lastBegan = began;
    if (ended - began > MAX_REPLY_MS || gapMs > MAX_GAP_MS) {
      this.missed();
      return;
    }
    this.beats += 1;
    for (const id of new Set([...this.seen.keys(), ...scores.keys()])) {
      const score = scores.get(id) ?? null;
      const before = this.seen.get(id);
      if (before === undefined || (score !== null && score !== before.score)) {
        this.seen.set(id, { score, at: this.beats });
      } else if (this.beats - before.at > KEPT_BEATS) this.seen.delete(id);
    }
  }

  /** A beat of our own failed: what was seen before says nothing any more. */
  missed(): void {
    this.beats = 0;
    this.seen.clear();
  }

  /** Of the last beat of a worker, Redis time in ms; null when none was seen. */
  lastBeatOf(id: string): number | null {
    const score = this.seen.get(id)?.score;
    return score == null ? null : Number(score);
  }

  /** Workers that count as dead, as long as they are remembered. */
  get silentCount(): number {
    return [...this.seen.values()].filter(({ at }) => this.beats - at >= SILENT_BEATS).length;
  }

  /** Whether the worker counts as dead. One that was never seen is watched from now on. */
  isSilent(id: string): boolean {
    const { beats, seen } = this;
    const known = seen.get(id);
    if (known === undefined) seen.set(id, { score: null, at: beats });
    return known !== undefined && beats - known.at >= SILENT_BEATS;
  }
}
