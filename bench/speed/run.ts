/**
 * Measures what orchestration costs over the queue itself: speed, Redis and memory, each as a ratio
 * to a floor or a baseline of the same run. Prints a table and writes it as JSON beside this file's folder.
 * `npm run bench -- throughput presigning` measures those alone. Linux only: CPU is read from /proc.
 */
import '../../src/cli/quiet-aws-sdk.js';
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { compareThroughput } from './compare-throughput.js';
import { measureAdding } from './measures/adding.js';
import { measureBesideSick } from './measures/beside-sick.js';
import { measureCallbacks } from './measures/callbacks.js';
import { measureHttpApi } from './measures/http-api.js';
import { measureHugeResponses, measureLargeLists } from './measures/huge-responses.js';
import { measureLatency } from './measures/latency.js';
import { measureLearnedMemory } from './measures/learned-memory.js';
import { measureLineIntake, measureUrgentIntake } from './measures/line-intake.js';
import { measureLineRoom } from './measures/line-room.js';
import { measureLists } from './measures/lists.js';
import { measureLoading } from './measures/loading.js';
import { measureOwnRequests } from './measures/own-requests.js';
import { measureNegativePolls, measurePollCost } from './measures/poll-cost.js';
import { measurePresigning } from './measures/presigning.js';
import { measureRedisMemory } from './measures/redis-memory.js';
import { measureResidentSet } from './measures/resident-set.js';
import { measureTakeover } from './measures/takeover.js';
import { atLeast, atMost, type Finding, formatFindings, percentile, spread } from './report.js';

/** Starts of a process. */
const LOADINGS = 9;
const FEW_IN_FLIGHT = 1_000;
const MANY_IN_FLIGHT = 300_000;
const SOME_BATCHES = 10_000;
const MANY_BATCHES = 100_000;
/** A quarter of the CPU of a batch are these requests, so an eighth of that is 3 % of the throughput. */
const SIGNING_LIMIT = 1.12;
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

  async 'own-requests'() {
    const { inHeaders, inUrls } = await measureOwnRequests();
    const ratios = inHeaders.map((cost, turn) => cost / (inUrls[turn] ?? 0));
    return [
      {
        what: 'CPU µs a batch of checks and result, signed in headers, over in URLs',
        figures: `${spread(inHeaders, 0)} to ${spread(inUrls, 0)}`,
        ...atMost(percentile(ratios, 50), SIGNING_LIMIT),
      },
    ];
  },

  throughput: () => compareThroughput(say),

  async 'redis-memory'() {
    const { inFlightBytes, bareBytes, endedBytes } = await measureRedisMemory();
    return [
      {
        what: 'KiB of Redis, a batch in flight',
        figures: `${(inFlightBytes / KIB).toFixed(1)} to ${(bareBytes / KIB).toFixed(1)} of the floor`,
        ...atMost(inFlightBytes / KIB, 3.7),
      },
      { what: 'KiB of Redis, an ended batch', figures: '', ...atMost(endedBytes / KIB, 5) },
    ];
  },

  async latency() {
    const findings: Finding[] = [];
    for (const negativePolls of [0, 2]) {
      const { 'atlas-batch': ours, 'floor: bare BullMQ': bare } =
        await measureLatency(negativePolls);
      findings.push({
        what: `ms of one batch beyond its waits, over the floor, ${negativePolls} negative polls`,
        figures: `${spread(ours, 0)} to ${spread(bare, 0)}`,
        ...atMost(percentile(ours, 50) / percentile(bare, 50), 1.2),
      });
    }
    return findings;
  },

  async 'negative-polls'() {
    const { 'atlas-batch': ours, 'floor: bare BullMQ': bare } = await measureNegativePolls();
    const ratios = ours.map((one, window) => one / (bare[window] ?? 0));
    return [
      {
        what: 'CPU µs of the worker, a negative poll, over the floor',
        figures: `${spread(ours, 0)} to ${spread(bare, 0)}`,
        ...atMost(percentile(ratios, 50), 1.6),
      },
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
    const { all, client, withSession } = await measureLoading(LOADINGS);
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

  async 'line-intake'() {
    const { intakeMs, restCpuMs } = await measureLineIntake();
    const urgent = await measureUrgentIntake();
    return [
      { what: 'ms a batch until all of 100,000 are in line', figures: '', ...atMost(intakeMs, 1) },
      {
        what: 'ms a batch until an urgent one behind 20,000 that nobody has taken is at Atlas',
        figures: `${(urgent.totalMs / 1000).toFixed(1)} s`,
        ...atMost(urgent.batchMs, 1),
      },
      {
        what: 'CPU ms a second of worker and Redis while they are there',
        figures: '',
        ...atMost(restCpuMs, 50),
      },
    ];
  },

  async 'line-room'() {
    const { usedS, afterKillS, unsentS } = await measureLineRoom();
    return [
      {
        what: 's until room that a batch leaves is used by the head of the line',
        figures: spread(usedS, 2),
        ...atMost(Math.max(...usedS), 2),
      },
      {
        what: 's until it is used where the worker that polls the batch is killed',
        figures: spread(afterKillS, 1),
        ...atMost(Math.max(...afterKillS), 15),
      },
      {
        what: 's until it is used where a worker is killed that has it and has not sent yet',
        figures: spread(unsentS, 1),
        ...atMost(Math.max(...unsentS), 15),
      },
    ];
  },

  async lists() {
    const { listsMs, filtersMs, textsMs, countsMs, metricsMs } = await measureLists();
    const row = (what: string, times: number[], most: number) => ({
      what: `ms of ${what} of ${MANY_BATCHES} batches, p95`,
      figures: spread(times, 1),
      ...atMost(percentile(times, 95), most),
    });
    return [
      row('a list', listsMs, 50),
      row('a filter that searches all', filtersMs, 300),
      row('a text that is searched in all', textsMs, 300),
      row('counts by state, code, product, tenant, priority', countsMs, 300),
      row('/metrics', metricsMs, 20),
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

  async 'http-api'() {
    const { openMib, bulkMs, enqueueManyMs, resultsMib } = await measureHttpApi();
    const [before, most] = resultsMib;
    return [
      {
        what: 'MiB of a server at most, 2,000 who wait and 500 who follow events, Redis restarted',
        figures: '',
        ...atMost(openMib, 300),
      },
      {
        what: 'ms of 10,000 batches in bulk by HTTP, over enqueueMany',
        figures: `${bulkMs.toFixed(0)} to ${enqueueManyMs.toFixed(0)}`,
        ...atMost(bulkMs / enqueueManyMs, 1.5),
      },
      {
        what: 'MiB that streaming the results of 10,000 documents adds at most',
        figures: `${before.toFixed(0)} to ${most.toFixed(0)}`,
        ...atMost(most - before, 64),
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
