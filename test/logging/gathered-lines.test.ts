import { beforeEach, expect, it, vi } from 'vitest';
import { createGatheredLines } from '../../src/logging/gathered-lines.js';

const INTERVAL_MS = 10_000;

beforeEach(() => {
  vi.useFakeTimers();
  return () => void vi.useRealTimers();
});

function record() {
  const said: [level: string, fields: object, message: string][] = [];
  const say = (level: string) => (fields: object, message: string) =>
    void said.push([level, fields, message]);
  const lines = createGatheredLines({
    debug: say('debug'),
    info: say('info'),
    warn: say('warn'),
    error: say('error'),
  });
  const completed = (reference: string, polls = 1) =>
    lines.add({
      level: 'info',
      kind: 'batch completed',
      fields: { reference, polls },
      message: `batch ${reference} completed`,
    });
  return { said, lines, completed };
}

it('lines of one kind are logged together, with all ids, and the first of them at once', () => {
  const { said, completed } = record();
  completed('a');
  expect(said).toEqual([['info', { reference: 'a', polls: 1 }, 'batch a completed']]);
  completed('b');
  completed('c', 2);
  expect(said).toHaveLength(1);
  vi.advanceTimersByTime(INTERVAL_MS);
  const fields = { reference: 'c', polls: 2, repeated: 2, references: ['b', 'c'] };
  expect(said.slice(1)).toEqual([['info', fields, 'batch c completed, and 1 more like it']]);
  vi.advanceTimersByTime(INTERVAL_MS);
  completed('d');
  expect(said[2]).toEqual(['info', { reference: 'd', polls: 1 }, 'batch d completed']);
});

it('a line that comes alone is logged as it is', () => {
  const { said, completed } = record();
  completed('a');
  completed('b', 3);
  vi.advanceTimersByTime(INTERVAL_MS);
  expect(said[1]).toEqual(['info', { reference: 'b', polls: 3 }, 'batch b completed']);
});

it('lines of other kinds and levels wait for none, and a hundred are not held', () => {
  const { said, lines, completed } = record();
  completed('a');
  lines.add({ level: 'warn', kind: 'batch completed', fields: {}, message: 'a warning' });
  lines.add({ level: 'info', kind: 'another', fields: {}, message: 'another' });
  expect(said).toHaveLength(3);
  for (let i = 0; i < 250; i += 1) completed(`batch-${i}`);
  expect(said.slice(3)).toMatchObject([
    ['info', { repeated: 100 }, 'batch batch-99 completed, and 99 more like it'],
    ['info', { repeated: 100 }, 'batch batch-199 completed, and 99 more like it'],
  ]);
  lines.flush();
  expect(said[5]).toMatchObject(['info', { repeated: 50 }, expect.anything()]);
});
