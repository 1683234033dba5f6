/**
 * Measures the whole job beside pg-boss, a queue on PostgreSQL: with the AWS SDK, as people build it, and with
 * URLs that were signed beforehand. Needs PostgreSQL as Debian has it. The contenders take turns, each with a store
 * and stand-ins of its own, so changes in the speed of the machine affect them alike. Linux only, as `npm run bench`.
 */
import { cpus } from 'node:os';
import PgBoss from 'pg-boss';
import '../../src/cli/quiet-aws-sdk.js';
import { cpuMs } from '../speed/process-usage.js';
import { atLeast, type Finding, formatFindings, percentile, spread } from '../speed/report.js';
import { type Asked, type Stage, setStage } from '../speed/stage.js';
import { until } from '../speed/until.js';
import { FIRST_POLL_MS, MAX_DOCUMENTS, request } from '../speed/work.js';
import { BATCHES, COMPLETIONS, FETCHED_AT_ONCE, POLLS, POSTGRES_URL, S3_BY } from './pg-boss.js';
import { startPrivatePostgres } from './postgres.js';

const WARM_UP = 1000;
const BATCHES_A_TURN = 2000;
const TURNS = 3;
/** Batches a second, over pg-boss with the SDK, by the negative polls of a batch. */
const TARGETS = new Map([
  [0, 2.3],
  [2, 2],
]);
const OURS = 'atlas-batch';
const WITH_SDK = 'pg-boss, AWS SDK';
const WITH_RAW_S3 = 'pg-boss, raw S3';

interface Contender {
  name: string;
  pid: number;
  storeCpuMs(): number;
  enqueue(from: number, to: number): Promise<void>;
  /** Resolves when so many batches have ended. */
  ended(count: number): Promise<void>;
  asked(): Promise<Asked>;
  stop(): Promise<void>;
}

interface Turn {
  batchesPerSecond: number;
  /** CPU milliseconds a batch. */
  workerMs: number;
  storeMs: number;
}

async function startOurs(stage: Stage): Promise<Contender> {
  const [pid = 0] = await stage.start(OURS);
  return {
    ...{ name: OURS, pid, storeCpuMs: () => cpuMs(stage.redisProcess.pid) },
    ...{ enqueue: stage.enqueue, ended: stage.completed, asked: stage.asked, stop: stage.stop },
  };
}

async function startPgBoss(stage: Stage, name: string, s3: 'sdk' | 'raw'): Promise<Contender> {
  const postgres = await startPrivatePostgres();
  const boss = new PgBoss({ connectionString: postgres.url, supervise: false });
  boss.on('error', (error) => {
    throw error;
  });
  await boss.start();
  for (const queue of [BATCHES, POLLS, COMPLETIONS]) await boss.createQueue(queue);
  const [pid = 0] = await stage.start('pg-boss', { [POSTGRES_URL]: postgres.url, [S3_BY]: s3 });
  return {
    ...{ name, pid, storeCpuMs: postgres.cpuMs, asked: stage.asked },
    async enqueue(from, to) {
      for (let at = from; at < to; at += FETCHED_AT_ONCE) {
        const count = Math.min(FETCHED_AT_ONCE, to - at);
        await boss.insert(
          Array.from({ length: count }, (_, i) => ({ name: BATCHES, data: request(`b${at + i}`) })),
        );
      }
    },
    ended: (count) => until(async () => (await boss.getQueueSize(COMPLETIONS)) >= count),
    async stop() {
      await stage.stop();
      await boss.stop({ graceful: false });
      await postgres.stop();
    },
  };
}

async function measure(negativePolls: number): Promise<Map<string, Turn[]>> {
  const contenders: Contender[] = [];
  const turns = new Map<string, Turn[]>();
  try {
    contenders.push(await startOurs(await setStage({ negativePolls })));
    contenders.push(await startPgBoss(await setStage({ negativePolls }), WITH_SDK, 'sdk'));
    contenders.push(await startPgBoss(await setStage({ negativePolls }), WITH_RAW_S3, 'raw'));
    let carried = 0;
    for (const size of [WARM_UP, ...Array<number>(TURNS).fill(BATCHES_A_TURN)]) {
      for (const contender of contenders) {
        const turn = await carry(contender, carried, carried + size, negativePolls);
        if (size === WARM_UP) continue;
        const { name } = contender;
        turns.set(name, [...(turns.get(name) ?? []), turn]);
        say(`${name.padEnd(WITH_SDK.length)} ${turn.batchesPerSecond.toFixed(0)} batches/s`);
      }
      carried += size;
    }
    for (const contender of contenders) await checkWork(contender, carried, negativePolls);
    return turns;
  } finally {
    for (const contender of contenders) await contender.stop();
  }
}

/** The waits of a batch between its polls are the same for all, and not counted. */
async function carry(
  contender: Contender,
  from: number,
  to: number,
  negativePolls: number,
): Promise<Turn> {
  const { pid, storeCpuMs } = contender;
  const before = { at: performance.now(), worker: cpuMs(pid), store: storeCpuMs() };
  await contender.enqueue(from, to);
  await contender.ended(to);
  const ms = performance.now() - before.at - (1 + negativePolls) * FIRST_POLL_MS;
  return {
    batchesPerSecond: ((to - from) * 1000) / ms,
    workerMs: (cpuMs(pid) - before.worker) / (to - from),
    storeMs: (storeCpuMs() - before.store) / (to - from),
  };
}

/** Every batch was checked, sent, polled as often as it had to be, and stored, and nothing twice. */
async function checkWork(
  { name, asked }: Contender,
  batches: number,
  negativePolls: number,
): Promise<void> {
  const done = JSON.stringify(await asked());
  const expected = JSON.stringify({
    uploads: batches,
    polls: batches * (1 + negativePolls),
    checks: batches * MAX_DOCUMENTS,
    results: batches,
  });
  if (done !== expected) throw new Error(`${name} asked ${done}, not ${expected}`);
}

function compare(turns: Map<string, Turn[]>, negativePolls: number): Finding[] {
  const over = (name: string, figure: keyof Turn, digits: number) => {
    const [ours, theirs] = [OURS, name].map((one) =>
      (turns.get(one) ?? []).map((turn) => turn[figure]),
    );
    if (!ours || !theirs) throw new Error('there are no turns');
    return {
      figures: `${spread(ours, digits)} to ${spread(theirs, digits)}`,
      ratio: percentile(
        ours.map((one, turn) => one / (theirs[turn] ?? 0)),
        50,
      ),
    };
  };
  return [WITH_SDK, WITH_RAW_S3].flatMap((name) => {
    const how = `over ${name}, ${negativePolls} negative polls`;
    const speed = over(name, 'batchesPerSecond', 0);
    const least = name === WITH_SDK ? TARGETS.get(negativePolls) : undefined;
    const aim = least === undefined ? {} : atLeast(speed.ratio, least);
    return [
      { what: `batches a second, ${how}`, ...speed, ...aim },
      { what: `CPU ms a batch of the worker, ${how}`, ...over(name, 'workerMs', 2) },
      { what: `CPU ms a batch of the store, ${how}`, ...over(name, 'storeMs', 2) },
    ];
  });
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

const findings: Finding[] = [];
for (const negativePolls of TARGETS.keys()) {
  say(`${negativePolls} negative polls a batch …`);
  findings.push(...compare(await measure(negativePolls), negativePolls));
}
const cores = cpus();
const machine = `${cores.length} × ${cores[0]?.model ?? 'CPU'}, Node ${process.versions.node}`;
say(`\n${machine}\n${formatFindings(findings)}`);
if (findings.some(({ met }) => met === false)) process.exitCode = 1;
