/**
 * What other workers say of an object that is denied to this one, while it reads others of the bucket. The role of
 * one worker may be narrower than those of the others, and what is wrong then is that process, and not the batch. So
 * it asks all workers by way of Redis, and each tries to read the object.
 */
import { createHash, randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import pLimit from 'p-limit';
import { OwnFaultError } from '../../errors.js';
import { deniedAnswersKey, deniedObjectsKey, readersKey } from '../../jobs/keys/reading-keys.js';
import { HEARTBEAT_INTERVAL_MS } from '../../jobs/liveness.js';
import type { Clock } from '../../redis/clock.js';
import { isBucketAllowed } from '../../storage/allowed-buckets.js';
import type { Verdict } from '../../storage/checks/verdict.js';
import type { ObjectStore } from '../../storage/object-store.js';
import type { ObjectReference } from '../../storage/s3-request.js';
import { AccessDeniedError, deniedError } from '../../storage/storage-errors.js';

/** So long a worker is waited for that says nothing: it is being restarted, or its S3 is away. */
const WAIT_MS = 2 * 60_000;
/** Longer than that wait and the sleep of a batch that ends it. */
const QUESTION_TTL_MS = 5 * 60_000;
/** What one said longer ago it says anew: permissions change. */
const ANSWER_AGAIN_MS = 60_000;
/** What is known of a bucket so lately needs no question. */
const ASK_AGAIN_MS = 30_000;
/** Of thousands of questions the oldest; others come up when those are settled. */
const MAX_QUESTIONS = 1000;
/** Objects that are tried after one read of the questions, and how many of them at once. */
const TRIED_AT_ONCE = 200;
const IN_FLIGHT = 8;

export interface DeniedObjectsOptions {
  redis: Redis;
  config: {
    QUEUE_PREFIX: string;
    S3_ALLOWED_BUCKETS: readonly string[];
    RESULTS_BUCKET: string;
  };
  clock: Clock;
  store: Pick<ObjectStore, 'check'>;
}

type Answer = 'readable' | 'denied';

export class DeniedObjects {
  private readonly id = randomUUID();
  private readonly stopping = new AbortController();
  private timer: NodeJS.Timeout | undefined;
  private isAnswering = false;
  /** When we answered a question. */
  private readonly answered = new Map<string, number>();
  /** Buckets by the time at which we last heard that others read there what is denied to us. */
  private readonly narrow = new Map<string, number>();

  constructor(private readonly options: DeniedObjectsOptions) {}

  /** From now on this worker answers, and others wait for what it says. */
  start(): this {
    // Redis being away is for others to report.
    const take = () => void this.takeQuestions().catch(() => {});
    take();
    this.timer = setInterval(take, HEARTBEAT_INTERVAL_MS);
    this.timer.unref();
    return this;
  }

  /** May be called twice. For a while others still wait for this worker: it may be on its way back. */
  stop(): void {
    clearInterval(this.timer);
    this.stopping.abort();
  }

  /**
   * To be called of an object that is denied to us while another one of its bucket is not. Returns when no worker
   * can read it.
   * @param lasts Whether it has been so for us for so long that no permission is on its way.
   * @throws OwnFaultError where another worker can; TransientError until all have tried, two minutes at most.
   */
  async expectDenied(object: ObjectReference, { lasts }: { lasts: boolean }): Promise<void> {
    if (this.isNarrowIn(object, ASK_AGAIN_MS)) throw narrowError(object);
    const { askedAt, readers, answers } = await this.ask(object);
    const now = this.options.clock.now();
    // Among many workers each may have the batch for the first time.
    const isOld = now - askedAt >= WAIT_MS;
    const isReadable = Object.values(answers).includes('readable' satisfies Answer);
    if (isReadable && (lasts || isOld)) this.narrow.set(object.bucket, now);
    if (this.isNarrowIn(object, WAIT_MS)) throw narrowError(object);
    const isSaidByAll = readers.every((id) => id === this.id || answers[id] === 'denied');
    if (!isOld && !(lasts && isSaidByAll)) throw deniedError(object);
    await this.options.redis.zrem(this.questionsKey, questionOf(object));
  }

  /** To be called where more than these objects is denied to us: it is the role, and what was asked of them begins anew. */
  async forget(objects: readonly ObjectReference[]): Promise<void> {
    if (objects.length === 0) return;
    await this.options.redis.zrem(this.questionsKey, ...objects.map(questionOf));
  }

  /** Asks, says what we know ourselves, and reads what the others have said until now. */
  private async ask(object: ObjectReference): Promise<{
    askedAt: number;
    readers: string[];
    answers: Record<string, string>;
  }> {
    const { redis, clock } = this.options;
    const now = clock.now();
    const question = questionOf(object);
    const answersKey = this.answersKeyOf(question);
    this.answered.set(question, now);
    const replies = await redis
      .multi()
      .zadd(this.questionsKey, 'NX', now, question)
      .pexpire(this.questionsKey, QUESTION_TTL_MS)
      .hset(answersKey, this.id, 'denied' satisfies Answer)
      .pexpire(answersKey, WAIT_MS)
      .zscore(this.questionsKey, question)
      .zrangebyscore(this.readersKey, now - WAIT_MS, '+inf')
      .hgetall(answersKey)
      .exec();
    const refused = replies?.find(([error]) => error !== null)?.[0];
    if (refused) throw refused;
    const [[, askedAt] = [], [, readers] = [], [, answers] = []] = replies?.slice(-3) ?? [];
    return {
      askedAt: Number(askedAt ?? now),
      readers: readers as string[],
      answers: answers as Record<string, string>,
    };
  }

  private async takeQuestions(): Promise<void> {
    const { redis, clock } = this.options;
    const now = clock.now();
    const replies = await redis
      .multi()
      .zadd(this.readersKey, now, this.id)
      .zremrangebyscore(this.readersKey, '-inf', now - WAIT_MS)
      .pexpire(this.readersKey, WAIT_MS)
      .zremrangebyscore(this.questionsKey, '-inf', now - QUESTION_TTL_MS)
      .zrange(this.questionsKey, 0, `${MAX_QUESTIONS - 1}`)
      .exec();
    const [[, questions] = []] = replies?.slice(-1) ?? [];
    if (Array.isArray(questions)) void this.answer(questions);
  }

  private async answer(questions: readonly string[]): Promise<void> {
    const asked = new Set(questions);
    for (const question of this.answered.keys())
      if (!asked.has(question)) this.answered.delete(question);
    if (this.isAnswering) return;
    this.isAnswering = true;
    const since = this.options.clock.now() - ANSWER_AGAIN_MS;
    const open = questions.filter(
      (one) => (this.answered.get(one) ?? Number.NEGATIVE_INFINITY) < since,
    );
    // Redis or S3 is away, or we are stopping: whoever asked waits, and goes on without us after a while.
    await pLimit(IN_FLIGHT).map(open.slice(0, TRIED_AT_ONCE), (question) =>
      this.answerOne(question).catch(() => {}),
    );
    this.isAnswering = false;
  }

  private async answerOne(question: string): Promise<void> {
    const [bucket, key] = JSON.parse(question) as [string, string];
    const answer = await this.tryReading({ bucket, key });
    const answersKey = this.answersKeyOf(question);
    await this.options.redis
      .multi()
      .hset(answersKey, this.id, answer)
      .pexpire(answersKey, WAIT_MS)
      .exec();
    this.answered.set(question, this.options.clock.now());
  }

  /** @throws where S3 says nothing of the object, nor of our role. */
  private async tryReading(object: ObjectReference): Promise<Answer> {
    const { store, config } = this.options;
    if (!isBucketAllowed(object.bucket, config.S3_ALLOWED_BUCKETS, config.RESULTS_BUCKET))
      return 'denied';
    let verdict: Verdict | undefined;
    const note = (_: number, found: Verdict) => {
      verdict = found;
    };
    try {
      await store.check([object], note, this.stopping.signal);
    } catch (error) {
      if (!(error instanceof AccessDeniedError)) throw error;
    }
    // What is absent here may be so because we ask another S3: we cannot read it either.
    return verdict === 'readable' ? 'readable' : 'denied';
  }

  private isNarrowIn({ bucket }: ObjectReference, withinMs: number): boolean {
    const heardAt = this.narrow.get(bucket);
    return heardAt !== undefined && this.options.clock.now() - heardAt <= withinMs;
  }

  private get readersKey(): string {
    return readersKey(this.options.config.QUEUE_PREFIX);
  }

  private get questionsKey(): string {
    return deniedObjectsKey(this.options.config.QUEUE_PREFIX);
  }

  private answersKeyOf(question: string): string {
    const digest = createHash('sha256').update(question).digest('hex');
    return deniedAnswersKey(this.options.config.QUEUE_PREFIX, digest);
  }
}

function questionOf({ bucket, key }: ObjectReference): string {
  return JSON.stringify([bucket, key]);
}

function narrowError(object: ObjectReference): OwnFaultError {
  const { code, message } = deniedError(object);
  return new OwnFaultError(code, `${message}; other workers read there what is denied to this one`);
}
