import { readFileSync } from 'node:fs';
import { expect, it, onTestFinished } from 'vitest';
import { UsageError } from '../../src/errors.js';
import { KNOWN_ATLAS_FAULTS } from '../../src/simulator/atlas/atlas-faults.js';
import { mixedAtlasFaults, type Simulators, startSimulators } from '../../src/simulator/index.js';

async function start(): Promise<Simulators> {
  const simulators = await startSimulators();
  onTestFinished(() => simulators.stop());
  return simulators;
}

it.each([
  [
    { rules: [{ fault: 'no-batchid' }] },
    /^there is no fault "no-batchid"; known are 200, .*hang.*no-batch-id/,
  ],
  [{ rules: [{ fault: 599 }] }, /^there is no fault 599; /],
  [{ rules: [{}] }, /^there is no fault undefined; /],
  [
    { rules: [{ fault: 503, endpoint: 'upload' }] },
    /^there is no endpoint "upload"; known are authtoken, multiupload, extracts, other$/,
  ],
  [
    { rules: [{ fault: 503, time: 3 }] },
    /^there is no setting of the fault 503 "time"; known are .*times/,
  ],
  [
    { rules: [{ fault: 503, probability: 40 }] },
    /^the probability of faults is a number from 0 to 1$/,
  ],
  [{ rules: [], rate: -1 }, /^the rate of faults/],
  [
    { faults: [] },
    /^there is no setting of faults "faults"; known are seed, rate, rules, onFault$/,
  ],
  [{}, /^faults are \{ rules: /],
])('Atlas refuses the faults %j, and says what it knows', async (plan, says) => {
  const { atlas } = await start();
  const set = () => atlas.setFaults(plan as never);
  expect(set).toThrow(says);
  expect(set).toThrow(UsageError);
});

it('S3 refuses faults of Atlas, and says what it knows', async () => {
  const { s3 } = await start();
  expect(() => s3.setFaults({ rules: [{ fault: 'no-batch-id' as never }] })).toThrow(
    /^there is no fault "no-batch-id"; known are 403, .*archived, another-region, AccessDenied/,
  );
  expect(() => s3.setFaults({ rules: [{ fault: 503, endpoint: 'extracts' as never }] })).toThrow(
    /^there is no endpoint "extracts"; known are put, get, head/,
  );
});

it('all mixed faults are known', async () => {
  const { atlas } = await start();
  atlas.setFaults(mixedAtlasFaults({ rate: 0.5 }));
});

it('every fault of Atlas that is known has a recipe in the docs', () => {
  const recipes = readFileSync('docs/testing.md', 'utf8').matchAll(/\{ fault: '?([\w-]+)/g);
  const named = new Set([...recipes].map(([, name]) => name));
  expect(KNOWN_ATLAS_FAULTS.faults.filter((fault) => !named.has(String(fault)))).toEqual([]);
});
