/** What decides which upload may go to Atlas now, as workers use it; see `gate-model.ts`. */
import type { Redis } from 'ioredis';
import { LockLostError, type Reason } from '../errors.js';
import {
  gateAbleKey,
  gateKeys,
  gateOnKey,
  gateOutageKey,
  gateSweepKey,
} from '../jobs/keys/gate-keys.js';
import { BATCHES_QUEUE, POLLS_QUEUE } from '../jobs/queues.js';
import type { Clock } from '../redis/clock.js';
import type { LuaPart } from '../redis/lua-script.js';
import { Calendar } from './calendar.js';
import { type Applicant, MAX_NAMED } from './gate-model.js';
import { AFTER_SLEEP, ASK, LEAVE, RELEASE } from './gate-scripts.js';
import type { LineReason } from './line.js';
import type { Flow } from './line-model.js';
import { DRAIN, SWEEP } from './sweep-scripts.js';

/** Room that the head of the line fits into is used within twice this time, also when a wake-up was lost. */
const SWEEP_INTERVAL_MS = 900;
/** So long after the last sweep of a worker with a limit or a quota there is none: a restart of all takes less. */
const GATE_ON_MS = 60_000;
/** Members in flight of one sweep, and as many in line: 2 ms of Redis each. */
const SWEPT_AT_ONCE = 500;

/** Proof that a batch job is ours. */
interface HeldLock {
  lockKey: string;
  token: string;
  jobId: string;
}

/** Members in flight, each with who holds its room: the id of a poll job, or `until <ms>`. */
export type Holders = readonly (readonly [member: string, holder: string])[];

interface GateOptions {
  redis: Redis;
  config: {
    QUEUE_PREFIX: string;
    ATLAS_MAX_DOCUMENTS_IN_FLIGHT: number;
    ATLAS_MAX_DOCUMENTS_PER_DAY: number;
    QUOTA_TIMEZONE: string;
  };
  /** Whose days the quota counts by. */
  clock: Clock;
  /** Why this process cannot send: refused credentials, or an open circuit. Null when it can. */
  whyShut: () => Reason | null;
  /** Asked with each sweep: whether credentials that this process shares are refused to another one. */
  noticeRefusal: () => Promise<void>;
  onError: (error: unknown) => void;
}

/** Uploads that may be sent, on the day that was asked. */
export interface Admission {
  day: string;
  /** How long nobody could send so far. */
  outageMs: number;
  /** Why those that are not admitted wait. */
  why: LineReason;
  members: Set<string>;
}

/** What becomes of the places of those that leave the line: the flow, named, of those that do not come back. */
export type PlaceInLine = { keepsPlace: true } | { keepsPlace: false; flow: string };

export class Gate {
  /** Whether there is a limit or a quota. */
  readonly hasBounds: boolean;
  readonly hasQuota: boolean;
  readonly calendar: Calendar;
  /** As of the last sweep. The save of `sending` knows better. */
  isPaused = false;
  /** Whether another process can send while this one cannot, as of the last sweep. */
  othersCanSend = false;
  private readonly keys: string[];
  private readonly fixedArgs: (string | number)[];
  private readonly sweepKeys: string[];
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly options: GateOptions) {
    const { config, clock } = options;
    const { QUEUE_PREFIX: prefix, ATLAS_MAX_DOCUMENTS_IN_FLIGHT: limit } = config;
    const quota = config.ATLAS_MAX_DOCUMENTS_PER_DAY;
    this.hasQuota = quota > 0;
    this.hasBounds = limit > 0 || this.hasQuota;
    this.calendar = new Calendar(clock, config.QUOTA_TIMEZONE);
    this.keys = gateKeys(prefix);
    this.fixedArgs = [`${prefix}:${BATCHES_QUEUE}:`, `${prefix}:${POLLS_QUEUE}:`, limit, quota];
    this.sweepKeys = [
      ...this.keys,
      ...[gateSweepKey, gateOnKey, gateAbleKey].map((keyOf) => keyOf(prefix)),
    ];
  }

  /** Without a limit, a quota and a pause, and while this process can send, nothing is asked. */
  get isOn(): boolean {
    return this.hasBounds || this.isPaused || this.whyShut !== null;
  }

  /** Why this process admits nothing now; null when it does. */
  get whyShut(): Reason | null {
    return this.options.whyShut();
  }

  private get args(): (string | number)[] {
    return this.argsFor(this.whyShut === null);
  }

  private argsFor(admits: boolean): (string | number)[] {
    return [...this.fixedArgs, this.calendar.today(), Number(!admits)];
  }

  /** How long nobody could send so far, in ms: a deadline that stands still goes on meanwhile. */
  async outageMs(): Promise<number> {
    const { redis, config } = this.options;
    return Number((await redis.hget(gateOutageKey(config.QUEUE_PREFIX), 'ms')) ?? 0);
  }

  /** Whether uploads that were admitted on a day may still go out. */
  isCurrent(day: string): boolean {
    return !this.hasQuota || this.calendar.today() <= day;
  }

  /**
   * Asks for the admission of uploads of one job, in their order. Those that are not admitted are in line.
   * @param leftMs until the job's deadline
   * @param onlyEnters None is admitted: all enter the line.
   * @param holders of its members that keep their room whatever becomes of the job's other uploads
   * @throws LockLostError
   */
  async ask(
    held: HeldLock,
    applicants: readonly Applicant[],
    {
      flow,
      leftMs,
      holders,
      onlyEnters = false,
    }: { flow: Flow; leftMs: number; holders: Holders; onlyEnters?: boolean },
  ): Promise<Admission> {
    const reply = await ASK.run(
      this.options.redis,
      [...this.keys, held.lockKey],
      [
        ...[
          ...this.argsFor(this.whyShut === null && !onlyEnters),
          held.token,
          flow.name,
          flow.weight,
          applicants.length,
          leftMs,
        ],
        ...applicants.flatMap(({ member, documentCount, startTag = '' }) => [
          ...[member, documentCount, startTag],
        ]),
        ...holders.flat(),
      ],
    );
    if (reply === null) throw new LockLostError(held.jobId);
    const [day, outageMs, closed, ...members] = reply;
    const why = closed === 'outage' && this.whyShut === null ? 'worker' : closed;
    return { day, outageMs, why, members: new Set(members) };
  }

  /**
   * Uploads of a job are neither in flight nor in line any more.
   * @param members.unsent Those that were surely not sent: what they have taken of the quota is given back.
   * @param members.others Those that were sent, or of which nobody knows it.
   * @param place Whether they come back to where they stood in line, so that nobody moves up.
   * @returns where the unsent stood in line; undefined for one that was not there.
   * @throws LockLostError
   */
  async leave(
    held: HeldLock,
    { unsent, others }: { unsent: readonly string[]; others: readonly string[] },
    place: PlaceInLine,
  ): Promise<(number | undefined)[]> {
    const flow = place.keepsPlace ? '' : place.flow;
    const leaving = [...unsent, ...others];
    const all: (number | undefined)[] = [];
    for (let from = 0; from === 0 || from < leaving.length; from += MAX_NAMED) {
      const some = leaving.slice(from, from + MAX_NAMED);
      const unsentCount = Math.max(0, Math.min(some.length, unsent.length - from));
      const args = [held.token, Number(place.keepsPlace), flow, unsentCount, ...some];
      const keys = [...this.keys, held.lockKey];
      const starts = await LEAVE.run(this.options.redis, keys, [...this.args, ...args]);
      if (starts === null) throw new LockLostError(held.jobId);
      all.push(...starts.map((start) => (start === '' ? undefined : Number(start))));
    }
    return all;
  }

  /** For the save of a poll's result: the upload is in flight no more. */
  release(member: string): LuaPart {
    return { lua: RELEASE, keys: this.keys, args: [...this.args, member] };
  }

  /** A job was moved to sleep with uploads in line: its turn may have come before. */
  async afterSleep(holders: Holders): Promise<void> {
    for (let from = 0; from === 0 || from < holders.length; from += MAX_NAMED) {
      const some = holders.slice(from, from + MAX_NAMED);
      await AFTER_SLEEP.run(this.options.redis, this.keys, [...this.args, ...some.flat()]);
    }
  }

  /**
   * Begins to sweep, so that a pause and the limit are known from the start. Any number of workers may: one at
   * a time does it.
   */
  start(): void {
    const { noticeRefusal, onError } = this.options;
    const sweep = () => {
      // The next one asks again. When Redis is away, the sweep itself says it.
      noticeRefusal().catch(() => {});
      this.sweep().catch(onError);
    };
    sweep();
    this.timer = setInterval(sweep, SWEEP_INTERVAL_MS);
    this.timer.unref();
  }

  stop(): void {
    clearInterval(this.timer);
  }

  /** Does what nobody has done within the last second. */
  async sweep(): Promise<void> {
    const { redis } = this.options;
    if (this.isOn) {
      const onMs = this.hasBounds ? GATE_ON_MS : 0;
      const args = [...this.args, SWEEP_INTERVAL_MS, onMs, SWEPT_AT_ONCE];
      args.push(this.calendar.endOfToday());
      const [isPaused, othersCan] = await SWEEP.run(redis, this.sweepKeys, args);
      this.isPaused = isPaused === 1;
      this.othersCanSend = othersCan === 1;
      return;
    }
    this.othersCanSend = false;
    const args = [...this.args, SWEPT_AT_ONCE];
    this.isPaused = (await DRAIN.run(redis, this.sweepKeys, args)) === 1;
  }
}
