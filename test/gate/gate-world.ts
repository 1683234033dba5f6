/**
 * Jobs, poll jobs and workers as the gate meets them in Redis, beside the model: whatever is done to one is
 * done to the other. Workers die between any two commands, wake-ups are lost, commands are repeated. Whether both
 * came to the same, `gate-states.ts` shows.
 */
import type { Redis } from 'ioredis';
import { LockLostError } from '../../src/errors.js';
import { Gate, type PlaceInLine } from '../../src/gate/gate.js';
import { type GateBounds, GateModel } from '../../src/gate/gate-model.js';
import type { Flow } from '../../src/gate/line-model.js';
import { gateAbleKey, gatePauseKey, gateSweepKey } from '../../src/jobs/keys/gate-keys.js';
import { LuaScript } from '../../src/redis/lua-script.js';

const TIMESTAMP = 1000;
const MINUTE_MS = 60_000;
const SHUT = { code: 'ATLAS_AUTH', message: 'refused' } as const;
/** Uploads of a job. */
export const UPLOADS = 3;

export type Place = 'wait' | 'active' | 'delayed' | 'prioritized' | 'gone' | 'ended';

export interface TestJob {
  id: string;
  flow: Flow;
  uploads: {
    documentCount: number;
    state: 'planned' | 'sent' | 'ended';
    /** Where it stood in line before it left over an error. */
    startTag?: number | undefined;
  }[];
  place: Place;
  /** In this entry: a job sleeps in line only after it has asked. */
  asked: boolean;
  /** Of the lock that its worker has. */
  token: string;
}

export class GateWorld {
  readonly model: GateModel;
  readonly gate: Gate;
  /** Poll jobs that run, by member. */
  readonly polls = new Map<string, { id: string; state: 'runs' | 'ended' | 'removed' }>();
  /** Members whose poll job Redis was told. */
  private readonly holders = new Map<string, string>();
  /** Milliseconds since 1970, as the process that asks counts them. */
  private now = 0;
  /** The process that asks cannot send. */
  private isShut = false;
  private isPaused = false;
  private readonly base: string;

  constructor(
    readonly redis: Redis,
    readonly prefix: string,
    readonly bounds: GateBounds,
    readonly jobs: TestJob[],
  ) {
    this.model = new GateModel(bounds);
    const config = {
      QUEUE_PREFIX: prefix,
      ATLAS_MAX_DOCUMENTS_IN_FLIGHT: bounds.limit,
      ATLAS_MAX_DOCUMENTS_PER_DAY: bounds.quota,
      QUOTA_TIMEZONE: 'UTC',
    };
    this.gate = new Gate({
      redis,
      config,
      clock: { now: () => this.now },
      whyShut: () => (this.isShut ? SHUT : null),
      noticeRefusal: async () => {},
      onError(error) {
        throw error;
      },
    });
    this.base = `${prefix}:atlas-batches:`;
  }

  async start(): Promise<void> {
    for (const { id } of this.jobs) {
      await this.redis.hset(this.base + id, 'timestamp', TIMESTAMP);
      await this.redis.lpush(`${this.base}wait`, id);
    }
  }

  memberOf({ id }: TestJob, index: number): string {
    return `${id}@${TIMESTAMP}/1.${index}`;
  }

  /** A worker takes the job, or finds it after another has died. */
  async take(job: TestJob): Promise<void> {
    if (job.place !== 'wait' && job.place !== 'prioritized') return;
    await this.redis.lrem(`${this.base}wait`, 1, job.id);
    await this.redis.zrem(`${this.base}prioritized`, job.id);
    job.place = 'active';
    job.asked = false;
    await this.redis.set(this.lockOf(job), job.token);
  }

  /** Asks for all that is planned, and sends what is admitted; `dies` before it has. */
  async ask(job: TestJob, { times = 1, dies = false, lost = false } = {}): Promise<void> {
    if (job.place !== 'active') return;
    const planned = job.uploads.flatMap(({ documentCount, state, startTag }, index) =>
      state === 'planned'
        ? [{ index, member: this.memberOf(job, index), documentCount, startTag }]
        : [],
    );
    const held = { lockKey: this.lockOf(job), token: lost ? 'other' : job.token, jobId: job.id };
    const question = { flow: job.flow, leftMs: 1000, holders: [] };
    this.beginDay();
    if (lost) {
      const error = await this.gate.ask(held, planned, question).catch((reason: unknown) => reason);
      if (!(error instanceof LockLostError)) throw new Error('asked without the lock');
      return;
    }
    const before = this.model.admissions;
    const expected = this.model.ask(planned, job.flow);
    if (this.model.admissions > before) this.wakeModel();
    let admitted = new Set<string>();
    for (let n = 0; n < times; n += 1)
      admitted = (await this.gate.ask(held, planned, question)).members;
    if ([...admitted].sort().join() !== [...expected].sort().join())
      throw new Error(`admitted ${[...admitted]} instead of ${[...expected]}`);
    if (dies) return this.die(job);
    job.asked = true;
    for (const { index, member } of planned) {
      if (!admitted.has(member)) continue;
      const upload = job.uploads[index];
      if (upload) upload.state = 'sent';
      const id = `poll-${job.id}-${index}`;
      this.polls.set(member, { id, state: 'runs' });
      await this.redis.hset(`${this.prefix}:atlas-polls:${id}`, 'timestamp', TIMESTAMP);
    }
  }

  /** What was admitted, sent, and too large for Atlas is halved; its second half is of no interest here. */
  halve(job: TestJob, index: number): void {
    const upload = job.uploads[index];
    const isAdmitted = this.model.inFlight.has(this.memberOf(job, index));
    if (job.place === 'active' && upload?.state === 'planned' && isAdmitted)
      upload.documentCount = Math.ceil(upload.documentCount / 2);
  }

  /** A night, or a clock that is late. */
  moveClock(byMs: number): void {
    this.now = Math.max(0, this.now + byMs);
  }

  /** A minute passes, in which nobody does anything. */
  async age(): Promise<void> {
    for (const member of this.model.inFlight.keys())
      await this.redis.zincrby(`${this.prefix}:gate-in-flight`, -MINUTE_MS, member);
  }

  /** Its lock runs out, and somebody puts it back. */
  async die(job: TestJob): Promise<void> {
    if (job.place !== 'active') return;
    job.token += '+';
    await this.redis.del(this.lockOf(job));
    await this.redis.rpush(`${this.base}wait`, job.id);
    job.place = 'wait';
  }

  /** An error: it sleeps, and keeps nobody waiting. */
  async fail(job: TestJob, times: number): Promise<void> {
    if (job.place !== 'active') return;
    const left = job.uploads.flatMap((upload, index) =>
      upload.state === 'sent' ? [] : { upload, member: this.memberOf(job, index) },
    );
    const isPlanned = ({ upload }: { upload: { state: string } }) => upload.state === 'planned';
    const [unsent, others] = [left.filter(isPlanned), left.filter((one) => !isPlanned(one))];
    const membersOf = (list: typeof left) => list.map(({ member }) => member);
    const members = { unsent: membersOf(unsent), others: membersOf(others) };
    const starts = await this.leave(job, members, { times, place: { keepsPlace: true } });
    for (const [n, { upload }] of unsent.entries()) upload.startTag = starts[n];
    await this.moveTo(job, 'wait');
  }

  /** What is planned of it is sent no more. */
  async cancel(job: TestJob, times: number): Promise<void> {
    if (job.place !== 'active') return;
    const planned = job.uploads.filter(({ state }) => state === 'planned');
    const unsent = planned.map((upload) => this.memberOf(job, job.uploads.indexOf(upload)));
    const place = { keepsPlace: false, flow: job.flow.name } as const;
    await this.leave(job, { unsent, others: [] }, { times, place });
    for (const upload of planned) upload.state = 'ended';
  }

  /** Sleeps in line; `dies` before it has asked whether its turn has come. */
  async sleep(job: TestJob, { dies = false, priority = false } = {}): Promise<void> {
    const waits = job.uploads.some(({ state }) => state === 'planned');
    if (job.place !== 'active' || !job.asked || !waits) return;
    await this.moveTo(job, priority ? 'prioritized' : 'delayed');
    if (dies) return;
    const holders = job.uploads.flatMap(({ state }, index) => {
      const member = this.memberOf(job, index);
      const poll = this.polls.get(member);
      if (state === 'planned' || !poll) return [];
      return [[member, state === 'ended' ? 'until 0' : poll.id] as const];
    });
    for (const [member, id] of holders)
      if (this.model.inFlight.has(member) && this.polls.get(member)?.state !== 'removed')
        this.holders.set(member, id);
    this.beginDay();
    await this.gate.afterSleep(holders);
    this.wakeModel();
  }

  /** Ends when nothing of it is under way. */
  async end(job: TestJob): Promise<void> {
    if (job.place !== 'active' || job.uploads.some(({ state }) => state !== 'ended')) return;
    const others = job.uploads.map((_, index) => this.memberOf(job, index));
    const place = { keepsPlace: false, flow: job.flow.name } as const;
    await this.leave(job, { unsent: [], others }, { times: 1, place });
    await this.redis.hset(this.base + job.id, 'finishedOn', 1);
    await this.redis.del(this.lockOf(job));
    job.place = 'ended';
  }

  /** By hand, wherever it is, unless a worker has it. */
  async remove(job: TestJob): Promise<void> {
    if (job.place === 'active') return;
    await this.redis.lrem(`${this.base}wait`, 1, job.id);
    for (const set of ['delayed', 'prioritized']) await this.redis.zrem(this.base + set, job.id);
    await this.redis.del(this.base + job.id);
    job.place = 'gone';
  }

  /** The poll job saves its result; `forgets` when a worker without a gate did it. */
  async endPoll(job: TestJob, index: number, { times = 1, forgets = false } = {}): Promise<void> {
    const member = this.memberOf(job, index);
    const poll = this.polls.get(member);
    // Its batch adds one that was removed again.
    if (poll === undefined || poll.state === 'ended') return;
    poll.state = 'ended';
    const upload = job.uploads[index];
    if (upload) upload.state = 'ended';
    if (!forgets) {
      this.beginDay();
      const { lua, keys, args } = this.gate.release(member);
      for (let n = 0; n < times; n += 1)
        await new LuaScript(lua).run(this.redis, [...keys], [...args]);
      if (this.model.inFlight.has(member)) {
        this.model.forget(member);
        this.wakeModel();
      }
    }
    await this.redis.hset(`${this.prefix}:atlas-polls:${poll.id}`, 'finishedOn', 1);
  }

  /** By hand, while its batch waits for it or is in line. */
  async removePoll(job: TestJob, index: number): Promise<void> {
    const poll = this.polls.get(this.memberOf(job, index));
    if (poll?.state !== 'runs') return;
    poll.state = 'removed';
    await this.redis.del(`${this.prefix}:atlas-polls:${poll.id}`);
  }

  /** By somebody, while workers ask. */
  async pause(isPaused: boolean): Promise<void> {
    if (isPaused) await this.redis.set(gatePauseKey(this.prefix), '{}');
    else await this.redis.del(gatePauseKey(this.prefix));
    this.isPaused = isPaused;
    this.model.closed = isPaused || this.isShut;
  }

  shut(isShut: boolean): void {
    this.isShut = isShut;
    this.model.closed = this.isPaused || isShut;
  }

  /** Who cannot send does it only where nobody can; `beside` one that can, which sweeps after it. */
  async sweep({ beside = false } = {}): Promise<void> {
    const wasShut = this.isShut;
    await this.redis.del(gateSweepKey(this.prefix));
    if (!beside) await this.redis.del(gateAbleKey(this.prefix));
    else await this.redis.set(gateAbleKey(this.prefix), '1');
    this.beginDay();
    const old = await this.oldMembers();
    await this.gate.sweep();
    if (beside) {
      this.shut(false);
      await this.gate.sweep();
    }
    for (const member of [...this.model.inFlight.keys()]) {
      const held = this.holders.has(member);
      const ended = held && this.polls.get(member)?.state !== 'runs';
      if (ended || !this.isLive(member)) this.model.forget(member);
    }
    for (const { member } of [...this.model.line.waiting])
      if (!this.isLive(member)) this.model.forget(member);
    for (const member of [...this.model.kept.keys()])
      if (!this.isLive(member)) this.model.forget(member);
    this.model.line.closeGaps();
    const asked = await this.jobAskedAgain(old);
    this.wakeModel();
    if (asked) asked.place = 'wait';
    this.shut(wasShut);
  }

  /** Admitted so long ago that somebody must have said who holds their room, or has been asked to. */
  private async oldMembers(): Promise<string[]> {
    const [seconds] = await this.redis.time();
    const key = `${this.prefix}:gate-in-flight`;
    return this.redis.zrangebyscore(key, '-inf', Number(seconds) * 1000 - MINUTE_MS / 2);
  }

  /** Of the jobs in line of which nobody knows who holds their room, the one that the sweep has woken. */
  private async jobAskedAgain(old: readonly string[]): Promise<TestJob | undefined> {
    if (this.model.closed) return undefined;
    const unheld = old.filter(
      (member) => this.model.inFlight.has(member) && !this.holders.has(member),
    );
    const jobs = this.jobs.filter(
      ({ id, place }) => place === 'delayed' && unheld.some((one) => one.startsWith(`${id}@`)),
    );
    const heads = this.model.heads((member) => this.isLive(member));
    const waiting = await this.waiting();
    const woken = jobs.filter(({ id }) => waiting.includes(id));
    if (jobs.length > 0 && woken.length === 0) throw new Error('the sweep has woken none');
    // It wakes heads of the line as well.
    return woken.find(({ id }) => !heads.includes(id)) ?? woken[0];
  }

  /** Jobs as workers would take them. */
  async waiting(): Promise<string[]> {
    return (await this.redis.lrange(`${this.base}wait`, 0, -1)).reverse();
  }

  private isLive(member: string): boolean {
    const job = this.jobs.find(({ id }) => member.startsWith(`${id}@`));
    return job !== undefined && job.place !== 'gone' && job.place !== 'ended';
  }

  private async leave(
    job: TestJob,
    members: { unsent: string[]; others: string[] },
    { times, place }: { times: number; place: PlaceInLine },
  ) {
    const { unsent, others } = members;
    const { keepsPlace } = place;
    const held = { lockKey: this.lockOf(job), token: job.token, jobId: job.id };
    this.beginDay();
    let starts: (number | undefined)[] = [];
    // Of one that is repeated, only the last reply comes.
    for (let n = 0; n < times; n += 1) starts = await this.gate.leave(held, members, place);
    const isLeft = [...unsent, ...others].some((member) => this.isKnown(member));
    const expected = unsent.map((member) =>
      this.model.forget(member, { unsent: true, keepsPlace, flow: job.flow.name }),
    );
    for (const member of others) this.model.forget(member, { flow: job.flow.name });
    if (isLeft) this.wakeModel();
    if (keepsPlace && starts.join() !== expected.join())
      throw new Error(`stood at ${starts}, not ${expected}`);
    return starts;
  }

  /** As each script does first. */
  private beginDay(): void {
    this.model.beginDay(this.gate.calendar.today());
  }

  private isKnown(member: string): boolean {
    return this.model.inFlight.has(member) || this.model.line.find(member) !== undefined;
  }

  private wakeModel(): void {
    for (const id of this.model.heads((member) => this.isLive(member))) {
      const job = this.jobs.find((one) => one.id === id);
      if (job?.place === 'delayed' || job?.place === 'prioritized') job.place = 'wait';
    }
  }

  private async moveTo(job: TestJob, place: 'wait' | 'delayed' | 'prioritized'): Promise<void> {
    await this.redis.del(this.lockOf(job));
    if (place === 'wait') await this.redis.lpush(`${this.base}wait`, job.id);
    else await this.redis.zadd(this.base + place, 1, job.id);
    job.place = place;
  }

  private lockOf({ id }: TestJob): string {
    return `${this.base}${id}:lock`;
  }
}
