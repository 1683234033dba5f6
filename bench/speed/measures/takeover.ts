/** Measures how long the batch of a killed worker waits for one that runs beside it. */
import { setStage } from '../stage.js';
import { until } from '../until.js';

const KILLS = 5;

/** @returns seconds, one figure for each kill */
export async function measureTakeover(): Promise<number[]> {
  const seconds: number[] = [];
  for (let kill = 0; kill < KILLS; kill += 1) seconds.push(await secondsOfTakeover());
  return seconds;
}

async function secondsOfTakeover(): Promise<number> {
  // The response to the upload never comes: the batch is active in the first worker.
  const stage = await setStage({ faults: [{ endpoint: 'multiupload', fault: 'hang', times: 1 }] });
  try {
    const [pid = 0] = await stage.start('atlas-batch');
    await stage.enqueue(0, 1);
    const job = () => stage.batches.getJob('batch-b0');
    await until(async () => JSON.stringify((await job())?.progress).includes('sending'));
    stage.startBeside('atlas-batch');
    await until(async () => (await stage.batches.getWorkersCount()) === 2);
    process.kill(pid, 'SIGKILL');
    const killed = performance.now();
    await until(async () => ((await job())?.attemptsStarted ?? 0) > 1);
    return (performance.now() - killed) / 1000;
  } finally {
    await stage.stop();
  }
}
