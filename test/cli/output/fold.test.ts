import { styleText } from 'node:util';
import { expect, test } from 'vitest';
import { foldLines } from '../../../src/cli/output/fold.js';

test('a line that fits is not folded, nor is one that is piped', () => {
  expect(foldLines('one two', 7)).toBe('one two');
  expect(foldLines('one two', Number.POSITIVE_INFINITY)).toBe('one two');
});

test('a long line is folded between words, and goes on a little to the right', () => {
  expect(foldLines('  batches are sent\nagain', 12)).toBe('  batches\n    are sent\nagain');
});

test('a long line with labels goes on below its text', () => {
  expect(foldLines('ok    Redis  version 7.0.15 of a server', 26)).toBe(
    ['ok    Redis  version', '             7.0.15 of a', '             server'].join('\n'),
  );
});

test('a word that fits no line stays in its place', () => {
  expect(foldLines('  results  s3://atlas-results/loan-8841/', 20)).toBe(
    '  results  s3://atlas-results/loan-8841/',
  );
});

test('the codes of colours take no room on a line', () => {
  const green = styleText('green', 'ok', { validateStream: false });
  expect(foldLines(`${green} two`, 6)).toBe(`${green} two`);
  expect(foldLines(`${green} two`, 5)).toBe(`${green}\n  two`);
});
