/** What the gate costs where there is no limit, no quota and no pause. */
import { expect, it, onTestFinished } from 'vitest';
import { startPrivateRedis } from '../../scripts/private-redis.js';
import { allJobsEnded } from '../helpers/fault-points.js';
import { startSystem } from '../helpers/system.js';

const BATCHES = 20;

it('while the gate is off, all that is asked of it for a batch is whether there is a pause, with the save before the upload', async () => {
  const own = await startPrivateRedis();
  onTestFinished(() => own.stop());
  const system = await startSystem({ redisUrl: own.url });
  const { redis, prefix } = system;
  for (let n = 0; n < BATCHES; n += 1) await system.submit(`b${n}`, 1, `b${n}-`);
  const asked: string[] = [];
  const monitor = await redis.monitor();
  onTestFinished(() => monitor.disconnect());
  // Where each command of the gate names its keys, the sweep, which comes by the clock, is told by its lock.
  let reads = 0;
  monitor.on('monitor', (_time: string, args: string[], source: string) => {
    const [command = ''] = args;
    const ofGate = args.filter((arg) => arg.startsWith(`${prefix}:gate-`));
    const isSweep = ofGate.includes(`${prefix}:gate-swept`);
    if (/^eval/i.test(command) && ofGate.length > 0 && !isSweep) asked.push(ofGate.join());
    // A script that Redis does not know yet is sent twice, and run once.
    if (source === 'lua' && /get$/i.test(command) && ofGate.length > 0) reads += 1;
  });
  await system.startWorker();
  await allJobsEnded(system, BATCHES);
  expect(new Set(asked)).toEqual(new Set([`${prefix}:gate-pause`]));
  expect(reads).toBe(system.atlas.uploads().length);
});
