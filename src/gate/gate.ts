/** What decides which upload may go to Atlas now, as workers use it; see `gate-model.ts`. */
import type { Redis } from 'ioredis';
import { LockLostError } from '../errors.js';
import { BATCHES_QUEUE, POLLS_QUEUE } from '../jobs/queues.js';
import { gateKeys, gateOnKey, gateSweepKey } from '../jobs/redis-keys.js';
import type { LuaPart } from '../redis/lua-script.js';
import type { Applicant, Flow } from './gate-model.js';
import { AFTER_SLEEP, ASK, DRAIN, LEAVE, RELEASE, SWEEP } from './gate-scripts.js';

/** Room that the head of the line fits into is used within twice this time, also when a wake-up was lost. */
const SWEEP_INTERVAL_MS = 900;
/** So long after the last sweep of a worker with a limit there is none: a restart of all takes less. */
const GATE_ON_MS = 60_000;
/** Members of one sweep, about 2 ms of Redis. */
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
  config: { QUEUE_PREFIX: string; ATLAS_MAX_DOCUMENTS_IN_FLIGHT: number };
  onError: (error: unknown) => void;
}

export class Gate {
  private readonly hasLimit: boolean;
  /** As of the last sweep. The save of `sending` knows better. */
  isPaused = false;
  private readonly keys: string[];
  private readonly args: (string | number)[];
  private readonly sweepKeys: string[];
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly options: GateOptions) {
    const { QUEUE_PREFIX: prefix, ATLAS_MAX_DOCUMENTS_IN_FLIGHT: limit } = options.config;
    this.hasLimit = limit > 0;
    this.keys = gateKeys(prefix);
    this.args = [`${prefix}:${BATCHES_QUEUE}:`, `${prefix}:${POLLS_QUEUE}:`, limit];
    this.sweepKeys = [...this.keys, gateSweepKey(prefix), gateOnKey(prefix)];
  }

  /** Without a limit and a pause nothing is asked. */
  get isOn(): boolean {
    return this.hasLimit || this.isPaused;
  }

  /**
   * Asks for the admission of uploads of one job, in their order. Those that are not admitted are in line.
   * @param holders of its members that keep their room whatever becomes of the job's other uploads
   * @returns the members that may be sent
   * @throws LockLostError
   */
  async ask(
    held: HeldLock,
    applicants: readonly Applicant[],
    { flow, holders }: { flow: Flow; holders: Holders },
  ): Promise<Set<string>> {
    const admitted = await ASK.run(
      this.options.redis,
      [...this.keys, held.lockKey],
      [
        ...[...this.args, held.token, flow.name, flow.weight, applicants.length],
        ...applicants.flatMap(({ member, documentCount }) => [member, documentCount]),
        ...holders.flat(),
      ],
    );
    if (admitted === null) throw new LockLostError(held.jobId);
    return new Set(admitted);
  }

  /**
   * These uploads of a job are neither in flight nor in line any more.
   * @throws LockLostError
   */
  async leave(held: HeldLock, members: readonly string[]): Promise<void> {
    const args = [...this.args, held.token, ...members];
    const left = await LEAVE.run(this.options.redis, [...this.keys, held.lockKey], args);
    if (left === null) throw new LockLostError(held.jobId);
  }

  /** For the save of a poll's result: the upload is in flight no more. */
  release(member: string): LuaPart {
    return { lua: RELEASE, keys: this.keys, args: [...this.args, member] };
  }

  /** A job was moved to sleep with uploads in line: its turn may have come before. */
  async afterSleep(holders: Holders): Promise<void> {
    await AFTER_SLEEP.run(this.options.redis, this.keys, [...this.args, ...holders.flat()]);
  }

  /** Begins to sweep. Any number of workers may: one at a time does it. */
  start(): void {
    const { onError } = this.options;
    this.timer = setInterval(() => void this.sweep().catch(onError), SWEEP_INTERVAL_MS);
    this.timer.unref();
  }

  stop(): void {
    clearInterval(this.timer);
  }

  /** Does what nobody has done within the last second. */
  async sweep(): Promise<void> {
    const { redis } = this.options;
    if (this.hasLimit) {
      const args = [...this.args, SWEEP_INTERVAL_MS, GATE_ON_MS, SWEPT_AT_ONCE];
      this.isPaused = (await SWEEP.run(redis, this.sweepKeys, args)) === 1;
      return;
    }
    const args = [...this.args, SWEPT_AT_ONCE];
    this.isPaused = (await DRAIN.run(redis, this.sweepKeys, args)) === 1;
  }
}
