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
  [{ rules: [{ fault: 503 }, {}] }, /^rule 2 of the faults names no fault; a rule is an object/],
  [{ rules: [null] }, /^rule 1 of the faults names no fault/],
  [{ rules: ['503'] }, /^rule 1 of the faults names no fault/],
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
    /^rule 1 of the faults \(503\): probability must be a number from 0 to 1, not 40$/,
  ],
  [{ rules: [], rate: -1 }, /^faults: rate must be a number from 0 to 1, not -1$/],
  [{ rules: [], seed: '1' }, /^faults: seed must be a number, not '1'$/],
  [{ rules: [], onFault: true }, /^faults: onFault must be a function, not true$/],
  [null, /^faults are \{ rules: /],
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

it.each([
  ['match', [true, 'GET']],
  ['probability', ['1', Number.NaN, 1.5]],
  ['fromMs', ['0', -1, Number.NaN]],
  ['untilMs', ['1000', -1]],
  ['times', ['x', -1, 0, 1.5, '3', null]],
  ['retryAfter', [1, 'in a\nwhile']],
  ['body', ['xml', true]],
  ['handled', ['yes', 1]],
  ['delayMs', ['10', -1, 2 ** 31]],
  ['until', ['later', {}]],
  ['long', [1]],
  ['empty', [{}, '{ }']],
  ['flaw', ['coma']],
  ['bytes', ['1 MiB', -1, 0.5]],
  ['count', ['2', 0, -1]],
  ['status', ['404', 418]],
  ['region', [1]],
  ['encoding', ['zstd']],
  ['charset', ['utf-8']],
  ['unnamed', ['no']],
  ['mislabelled', [0]],
  ['location', [80, 'http://a\r\nb']],
])(
  'a rule whose %s is none of %j is refused in a sentence, by both stand-ins',
  async (name, wrong) => {
    const { atlas, s3 } = await start();
    for (const value of wrong) {
      for (const { setFaults } of [atlas, s3]) {
        const set = () => setFaults({ rules: [{ fault: 503, [name]: value } as never] });
        expect(set).toThrow(
          new RegExp(`^rule 1 of the faults \\(503\\): ${name} must be .+, not `),
        );
        expect(set).toThrow(UsageError);
      }
    }
  },
);

it('S3 refuses faults of Atlas, and says what it knows', async () => {
  const { s3 } = await start();
  expect(() => s3.setFaults({ rules: [{ fault: 'no-batch-id' as never }] })).toThrow(
    /^there is no fault "no-batch-id"; known are 403, .*archived, sealed, locked, another-region, html-200, error-200, empty-200, no-length, AccessDenied/,
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
