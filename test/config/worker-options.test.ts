import { expect, expectTypeOf, test } from 'vitest';
import type { Config } from '../../src/config/config.js';
import { loadConfig } from '../../src/config/environment.js';
import { configOf, type WorkerSettings } from '../../src/config/worker-options.js';

const REQUIRED: WorkerSettings = {
  redisUrl: 'redis://127.0.0.1:6379',
  atlasBaseUrl: 'https://atlas.example.com',
  atlasClientId: 'id',
  atlasClientSecret: 'secret',
  resultsBucket: 'results',
};

type CamelCase<Name extends string> = Name extends `${infer Head}_${infer Tail}`
  ? `${Lowercase<Head>}${Capitalize<CamelCase<Tail>>}`
  : Lowercase<Name>;
/** The settings as they follow from the schema of the variables. */
type Derived = {
  [Name in keyof Config as CamelCase<Name>]: Config[Name] extends string[]
    ? readonly string[]
    : NonNullable<Config[Name]>;
};

// Checked by the compiler: `npm run check`.
test('every variable is a setting of the same type, and no setting is without a variable', () => {
  expectTypeOf<{
    [Name in keyof WorkerSettings]-?: NonNullable<WorkerSettings[Name]>;
  }>().toEqualTypeOf<Derived>();
});

test('settings that are left out have the defaults of the environment', () => {
  const environment = {
    REDIS_URL: 'redis://127.0.0.1:6379',
    ATLAS_BASE_URL: 'https://atlas.example.com',
    ATLAS_CLIENT_ID: 'id',
    ATLAS_CLIENT_SECRET: 'secret',
    RESULTS_BUCKET: 'results',
  };
  expect(configOf({ ...REQUIRED, pollMinMs: undefined })).toEqual(loadConfig(environment));
});

test('numbers, lists and booleans are taken as they are', () => {
  const settings = {
    pollMinMs: 5000,
    s3AllowedBuckets: ['kyc-a', 'kyc-b'],
    s3ForcePathStyle: true,
  };
  expect(configOf({ ...REQUIRED, ...settings })).toMatchObject({
    POLL_MIN_MS: 5000,
    S3_ALLOWED_BUCKETS: ['kyc-a', 'kyc-b'],
    S3_FORCE_PATH_STYLE: true,
  });
});

test('every wrong setting is reported under its own name, and a secret is not shown', () => {
  const wrong = {
    ...REQUIRED,
    redisUrl: '',
    pollMinMs: 1.5,
    pollMaxMs: 1,
    atlasTimeoutMs: Number.NaN,
    completionWebhookUrl: 'https://app.example.com/?token=hidden',
  };
  let message = '';
  try {
    configOf(wrong);
  } catch (error) {
    message = error instanceof Error ? error.message : '';
  }
  expect(message.split('\n').slice(1)).toEqual([
    '  atlasTimeoutMs must be a whole number of milliseconds; got "NaN"',
    '  pollMinMs must be a whole number of milliseconds; got "1.5"',
    '  pollMaxMs must be at least 10 milliseconds; got "1"',
    '  redisUrl is missing; set a URL such as redis://127.0.0.1:6379',
    '  completionWebhookSecret is missing; completionWebhookUrl needs it',
  ]);
});

test('settings of another type are reported together with all others that are wrong', () => {
  const wrong: object = {
    ...REQUIRED,
    redisUrl: undefined,
    atlasClientSecret: { canary: 1 },
    pollMinMs: '50',
    pollMaxMs: 1,
    s3ForcePathStyle: 'yes',
    s3AllowedBuckets: 'kyc-a,kyc-b',
    noProxy: [1],
  };
  expect(() => configOf(wrong as WorkerSettings)).toThrow(
    [
      'The configuration is wrong:',
      'noProxy must be a list of text',
      'atlasClientSecret must be text',
      's3AllowedBuckets must be a list of text',
      's3ForcePathStyle must be true or false',
      'pollMinMs must be a number',
      'pollMaxMs must be at least 10 milliseconds; got "1"',
      'redisUrl is missing; set a URL such as redis://127.0.0.1:6379',
    ].join('\n  '),
  );
});

test('bounds that contradict each other are reported under their own names', () => {
  expect(() => configOf({ ...REQUIRED, pollMinMs: 200, pollMaxMs: 100 })).toThrow(
    'pollMinMs must not be greater than pollMaxMs',
  );
});

test('late documents are awaited no longer than failed batches are kept', () => {
  const late = { ...REQUIRED, keepFailedSeconds: 60, lateResultsForMs: 60_001 };
  expect(() => configOf(late)).toThrow(
    'lateResultsForMs must not be longer than keepFailedSeconds: what is awaited has to be kept',
  );
  expect(configOf({ ...late, lateResultsForMs: 60_000 }).LATE_RESULTS_FOR_MS).toBe(60_000);
});
