/**
 * Measures what orchestration costs over the queue itself: speed, Redis and memory, each as a ratio
 * to a floor or a baseline of the same run. Prints a table and writes it as JSON beside this file's folder.
 * `npm run bench -- throughput presigning` measures those alone. Linux only: CPU is read from /proc.
 */
import '../../src/cli/quiet-aws-sdk.js';
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { measureAdding } from './measures/adding.js';
import { measureBesideSick } from './measures/beside-sick.js';
import { measureCallbacks } from './measures/callbacks.js';
import { measureHugeResponses, measureLargeLists } from './measures/huge-responses.js';
import { measureLearnedMemory } from './measures/learned-memory.js';
import { measureLoading } from './measures/loading.js';
import { measurePollCost } from './measures/poll-cost.js';
import { measurePresigning } from './measures/presigning.js';
import { measureRedisMemory } from './measures/redis-memory.js';
import { measureResidentSet } from './measures/resident-set.js';
import { measureTakeover } from './measures/takeover.js';
import { measureThroughput, type Setup, type Throughput } from './measures/throughput.js';
import { atLeast, atMost, type Finding, formatFindings, percentile, spread } from './report.js';
import type { Contender } from './stage.js';

/** Other users of a shared machine make one turn in three a tenth faster or slower. */
const RUNS = 9;
/** The defaults, and settings with which the CPU is the limit: that of one thread, or both cores. */
const AS_IT_COMES: Setup = { processes: 1, submitConcurrency: 10 };
const ONE_THREAD: Setup = { processes: 1, submitConcurrency: 50 };
const BOTH_CORES: Setup = { processes: 2, submitConcurrency: 50 };
const FEW_IN_FLIGHT = 1_000;
const MANY_IN_FLIGHT = 300_000;
const SOME_BATCHES = 10_000;
const MANY_BATCHES = 100_000;
const KIB = 1024;
const REPORT = fileURLToPath(new URL('../results.json', import.meta.url));

const say = (line: string) => process.stdout.write(`${line}\n`);

const MEASURES: Record<string, () => Promise<Finding[]>> = {
  async presigning() {
    const { signerPerSecond, getSignedUrlPerSecond } = await measurePresigning();
    return [
      {
        what: 'pre-signed URLs a second, over getSignedUrl',
        figures: `${signerPerSecond.toFixed(0)} to ${getSignedUrlPerSecond.toFixed(0)}`,
        ...atLeast(signerPerSecond / getSignedUrlPerSecond, 8),
      },
    ];
  },

  async throughput() {
    const findings: Finding[] = [];
    for (const setup of [AS_IT_COMES, ONE_THREAD, BOTH_CORES]) {
      const runs = await measureThroughput({ runs: RUNS, setup }, say);
      findings.push(...compareThroughput(runs, setup));
    }
    return findings;
  },

  async 'redis-memory'() {
    const { inFlightBytes, endedBytes } = await measureRedisMemory();
    return [
      { what: 'KiB of Redis, a batch in flight', figures: '', ...atMost(inFlightBytes / KIB, 6) },
      { what: 'KiB of Redis, an ended batch', figures: '', ...atMost(endedBytes / KIB, 5) },
    ];
  },

  async polls() {
    const costs = await measurePollCost([FEW_IN_FLIGHT, MANY_IN_FLIGHT]);
    const [few, many] = costs.map(({ pollMicroseconds }) => pollMicroseconds);
    if (few === undefined || many === undefined) throw new Error('a cost is missing');
    return [
      {
        what: `CPU µs a poll, ${MANY_IN_FLIGHT} in flight over ${FEW_IN_FLIGHT}`,
        figures: `${many.toFixed(0)} to ${few.toFixed(0)}`,
        ...atMost(many / few, 1.3),
      },
    ];
  },

  async 'resident-set'() {
    const [some, many] = await measureResidentSet([SOME_BATCHES, MANY_BATCHES]);
    if (some === undefined || many === undefined) throw new Error('a reading is missing');
    return [
      {
        what: `MiB of the worker after ${MANY_BATCHES} batches, over ${SOME_BATCHES}`,
        figures: `${many.mib.toFixed(0)} to ${some.mib.toFixed(0)}`,
        ...atMost(many.mib / some.mib, 1.2),
      },
    ];
  },

  async 'huge-responses'() {
    const peaks = await measureHugeResponses();
    const what = 'MiB of a worker at most, 50 huge or endless responses at once';
    return [{ what, figures: spread(peaks, 0), ...atMost(Math.max(...peaks), 600) }];
  },

  async 'large-lists'() {
    const mib = await measureLargeLists();
    const what = 'MiB of a worker at most, 50 lists of 12 MiB at once, S3 slow, heap of 256 MiB';
    return [{ what, figures: '', ...atMost(mib, 450) }];
  },

  async 'learned-memory'() {
    const { productTypeBytes, floodBytes } = await measureLearnedMemory();
    return [
      {
        what: 'KiB of what is learned of a product type',
        figures: '',
        ...atMost(productTypeBytes / KIB, 64),
      },
      {
        what: 'MiB that 5,000 product types add to 5,000',
        figures: '',
        ...atMost(floodBytes / KIB / KIB, 4),
      },
    ];
  },

  async adding() {
    const { bareMs, enqueueManyMs } = await measureAdding();
    return [
      {
        what: 'ms of enqueueMany of 20,000 batches, over bare addBulk',
        figures: `${enqueueManyMs.toFixed(0)} to ${bareMs.toFixed(0)}`,
        ...atMost(enqueueManyMs / bareMs, 10),
      },
    ];
  },

  async loading() {
    const { all, client, withSession } = await measureLoading(RUNS);
    const over = (one: typeof all) => ({
      modules: one.modules / all.modules,
      ms: percentile(one.ms, 50) / percentile(all.ms, 50),
    });
    const modules = (one: typeof all) => `${one.modules} to ${all.modules}`;
    const ms = (one: typeof all) => `${spread(one.ms, 0)} to ${spread(all.ms, 0)}`;
    const what = "of 'atlas-batch/client', over 'atlas-batch'";
    const later = `${what}, with the first client`;
    return [
      { what: `modules ${what}`, figures: modules(client), ...atMost(over(client).modules, 1 / 3) },
      { what: `ms ${what}`, figures: ms(client), ...atMost(over(client).ms, 1 / 3) },
      { what: `modules ${later}`, figures: modules(withSession), ratio: over(withSession).modules },
      { what: `ms ${later}`, figures: ms(withSession), ratio: over(withSession).ms },
    ];
  },

  async takeover() {
    const seconds = await measureTakeover();
    const what = 's until another worker has the batch of a killed one';
    return [{ what, figures: spread(seconds, 1), ...atMost(Math.max(...seconds), 12) }];
  },

  async 'beside-sick'() {
    const { alone, beside } = await measureBesideSick();
    const mean = (of: number[]) => of.reduce((sum, one) => sum + one, 0) / of.length;
    return [
      {
        what: 'seconds of a healthy batch beside 100 sick ones, over one alone',
        figures: `${mean(beside).toFixed(2)} to ${mean(alone).toFixed(2)}`,
        ...atMost(mean(beside) / mean(alone), 1.2),
      },
    ];
  },

  async callbacks() {
    const { lagsMs, residentMib } = await measureCallbacks();
    const [before, after] = residentMib;
    return [
      {
        what: 'ms from the callback to the event, median of 200 batches at once',
        figures: spread(lagsMs, 0),
        ...atMost(percentile(lagsMs, 50), 6000),
      },
      {
        what: 'MiB that 100,000 forged callbacks add to the server',
        figures: `${before.toFixed(0)} to ${after.toFixed(0)}`,
        ...atMost(after - before, 64),
      },
    ];
  },
};

function compareThroughput(runs: Record<Contender, Throughput[]>, setup: Setup): Finding[] {
  const { processes, submitConcurrency } = setup;
  const how = `${submitConcurrency} at once${processes > 1 ? ` in ${processes} processes` : ''}`;
  const ours = runs['atlas-batch'];
  const over = (name: keyof Throughput, other: Contender, digits: number) => {
    const [mine, theirs] = [ours, runs[other]].map((of) => of.map((run) => run[name]));
    if (mine === undefined || theirs === undefined) throw new Error('there are no runs');
    return {
      figures: `${spread(mine, digits)} to ${spread(theirs, digits)}`,
      // The ratio is of turns next to each other, since they ran under the same conditions.
      ratio: percentile(
        mine.map((one, run) => one / (theirs[run] ?? 0)),
        50,
      ),
    };
  };
  const floor = 'floor: bare BullMQ';
  const byHand = 'baseline: by hand';
  const speed = over('batchesPerSecond', floor, 0);
  const gain = over('batchesPerSecond', byHand, 0);
  const commands = over('executed', floor, 0);
  // The target is for two cores. The figure of one thread is printed for comparison.
  const aim = setup === ONE_THREAD ? {} : atLeast(speed.ratio, 0.7);
  return [
    { what: `batches a second, over the floor, ${how}`, ...speed, ...aim },
    { what: `batches a second, over the baseline, ${how}`, ...gain, ...atLeast(gain.ratio, 3) },
    { what: `Redis commands a batch, ${how}`, ...commands, ...atMost(commands.ratio, 1.3) },
    { what: `of these, sent by the worker, ${how}`, ...over('sent', floor, 0) },
    { what: `CPU ms a batch of the worker, ${how}`, ...over('workerCpuMs', floor, 2) },
    { what: `CPU ms a batch of Redis, ${how}`, ...over('redisCpuMs', floor, 2) },
  ];
}

const chosen = process.argv.slice(2);
const unknown = chosen.find((name) => !(name in MEASURES));
if (unknown !== undefined) {
  say(`there is no measure ${unknown}; there are ${Object.keys(MEASURES).join(', ')}`);
  process.exit(2);
}
const findings: Finding[] = [];
for (const [name, measure] of Object.entries(MEASURES)) {
  if (chosen.length > 0 && !chosen.includes(name)) continue;
  say(`measuring ${name} …`);
  findings.push(...(await measure()));
}
const cores = cpus();
const machine = `${cores.length} × ${cores[0]?.model ?? 'CPU'}, Node ${process.versions.node}`;
say(`\n${machine}\n${formatFindings(findings)}`);
writeFileSync(REPORT, `${JSON.stringify({ machine, findings }, null, 2)}\n`);
if (findings.some(({ met }) => met === false)) process.exitCode = 1;
