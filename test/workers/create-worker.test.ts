import { expect, test } from 'vitest';
import { UsageError } from '../../src/errors.js';
import { createAtlasBatchWorker } from '../../src/workers/create-worker.js';

const RIGHT = {
  redisUrl: 'redis://127.0.0.1:1',
  atlasBaseUrl: 'https://atlas.example.com',
  atlasClientId: 'id',
  atlasClientSecret: 'canary',
  resultsBucket: 'results',
};

test.each<[string, unknown, RegExp]>([
  [
    'no options',
    undefined,
    /^createAtlasBatchWorker takes its options as an object, with redisUrl,/,
  ],
  ['text', 'redis://127.0.0.1', /^createAtlasBatchWorker takes its options as an object, with/],
  [
    'options that do not exist',
    { ...RIGHT, pollMinMS: 50, onError: () => {} },
    /^createAtlasBatchWorker has no option pollMinMS, onError; it has redisUrl, .*pollMinMs, .*telemetry$/,
  ],
  ['a setting of another type', { ...RIGHT, pollMinMs: '50' }, /\n {2}pollMinMs must be a number$/],
  [
    'a logger that is none',
    { ...RIGHT, logger: { info: () => {} } },
    /^logger must have the functions debug, info, warn, error$/,
  ],
  ['a logger that is null', { ...RIGHT, logger: null }, /^logger must have the functions/],
  ['telemetry that is none', { ...RIGHT, telemetry: 'otel' }, /^telemetry must be an object$/],
])('a worker that is given %s says so before anything starts', async (_, options, message) => {
  const error = await createAtlasBatchWorker(options as typeof RIGHT).catch((thrown) => thrown);
  expect(error).toBeInstanceOf(UsageError);
  expect(error.message).toMatch(message);
  expect(error.message).not.toContain('canary');
});
