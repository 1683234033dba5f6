import { expect, test } from 'vitest';
import * as publicNames from '../src/index.js';
import { AtlasBatchError, PermanentError, RedisUnavailableError } from '../src/index.js';

const errors = Object.entries(publicNames).filter(
  ([, value]) => typeof value === 'function' && value.prototype instanceof Error,
);

test.each(errors)('%s extends AtlasBatchError', (_name, error) => {
  expect(error === AtlasBatchError || error.prototype instanceof AtlasBatchError).toBe(true);
});

test('an error has the name of its class', () => {
  expect(new RedisUnavailableError('away').name).toBe('RedisUnavailableError');
});

test('an error that can end a batch is a reason as a value', () => {
  const { reason } = new PermanentError('ATLAS_REJECTED', 'Atlas refuses it');
  expect(reason).toEqual({ code: 'ATLAS_REJECTED', message: 'Atlas refuses it' });
});

test('a cause keeps the name, message and code of what was caught, and nothing else', () => {
  const caught = Object.assign(new Error('no auth, with args beginning with: `hidden`'), {
    code: 'NOAUTH',
    command: { args: ['hidden'] },
  });
  const { cause } = new RedisUnavailableError('away', { cause: caught });
  expect(cause).toMatchObject({ name: 'Error', message: 'no auth', code: 'NOAUTH' });
  expect(cause).not.toHaveProperty('command');
  expect(String(Reflect.get(Object(cause), 'stack'))).not.toContain('hidden');
});
