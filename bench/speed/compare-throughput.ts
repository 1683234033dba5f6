/** Batches per second and what each costs, beside the floor and the baseline, in several setups. */
import { measureThroughput, type Setup, type Throughput } from './measures/throughput.js';
import { atLeast, atMost, type Finding, percentile, spread } from './report.js';
import type { Contender } from './stage.js';

/** Other users of a shared machine make one turn in three a tenth faster or slower. */
const RUNS = 9;
/** The defaults, and settings with which the CPU is the limit: that of one thread, or both cores. */
const AS_IT_COMES: Setup = { processes: 1, submitConcurrency: 'default', negativePolls: 0 };
/** Batches that are not ready at their first two polls. */
const POLLING: Setup = { ...AS_IT_COMES, negativePolls: 2 };
const ONE_THREAD: Setup = { processes: 1, submitConcurrency: 50, negativePolls: 0 };
const BOTH_CORES: Setup = { processes: 2, submitConcurrency: 50, negativePolls: 0 };
/** Batches per second, over the floor. */
const SPEED_TARGETS = new Map([
  [AS_IT_COMES, 0.85],
  [POLLING, 0.8],
  [BOTH_CORES, 0.7],
]);

export async function compareThroughput(say: (line: string) => void): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const setup of [AS_IT_COMES, POLLING, ONE_THREAD, BOTH_CORES]) {
    const runs = await measureThroughput({ runs: RUNS, setup }, say);
    findings.push(...findingsOf(runs, setup));
  }
  return findings;
}

function findingsOf(runs: Record<Contender, Throughput[]>, setup: Setup): Finding[] {
  const { processes, submitConcurrency, negativePolls } = setup;
  const atOnce = submitConcurrency === 'default' ? 'defaults' : `${submitConcurrency} at once`;
  const polls = negativePolls > 0 ? `, ${negativePolls} negative polls` : '';
  const how = `${atOnce}${processes > 1 ? ` in ${processes} processes` : ''}${polls}`;
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
  // The targets are for two cores. The figure of one thread is printed for comparison.
  const least = SPEED_TARGETS.get(setup);
  const aim = least === undefined ? {} : atLeast(speed.ratio, least);
  return [
    { what: `batches a second, over the floor, ${how}`, ...speed, ...aim },
    { what: `batches a second, over the baseline, ${how}`, ...gain, ...atLeast(gain.ratio, 3) },
    { what: `Redis commands a batch, ${how}`, ...commands, ...atMost(commands.ratio, 1.3) },
    { what: `of these, sent by the worker, ${how}`, ...over('sent', floor, 0) },
    { what: `CPU ms a batch of the worker, ${how}`, ...over('workerCpuMs', floor, 2) },
    { what: `CPU ms a batch of Redis, ${how}`, ...over('redisCpuMs', floor, 2) },
  ];
}
