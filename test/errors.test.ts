import { expect, test } from 'vitest';
import { bareError, errorFields } from '../src/errors.js';
import * as publicNames from '../src/index.js';
import { AtlasBatchError, PermanentError, RedisUnavailableError } from '../src/index.js';

const prototypes: [string, unknown][] = Object.entries(publicNames)
  .map(([name, value]): [string, unknown] => [name, Reflect.get(Object(value), 'prototype')])
  .filter(([, prototype]) => prototype instanceof Error);

test('every public error extends AtlasBatchError', () => {
  const others = prototypes.filter(([, prototype]) => !(prototype instanceof AtlasBatchError));
  expect(others.map(([name]) => name)).toEqual(['AtlasBatchError']);
  expect(prototypes.length).toBeGreaterThan(8);
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

test.each([
  'hidden',
  '{"a":"hidden"} hidden',
  '{"score":NaN,"name":"hidden"}',
  `{"long":"${'x'.repeat(50)}","name":"hidden","score":NaN,"next":"hidden"}`,
  '{"name":"hidden\nhidden"}',
  '{"name":"hidden","and":\nundefined}',
])('an error shows nothing of the text that is no JSON: %j', (text) => {
  const thrown = (() => {
    try {
      return JSON.parse(text);
    } catch (error) {
      return error;
    }
  })();
  const { message, stack } = bareError(thrown);
  for (const shown of [message, stack, errorFields(thrown).errorStack]) {
    expect(shown).toContain('JSON');
    expect(shown).not.toMatch(/hidden|dden|NaN|score|name/);
  }
});
