import { describe, expect, test } from 'vitest';
import { isComplete, isOverdue, type PollFindings } from '../../src/extracts/completeness.js';

const DONE: PollFindings = {
  hasNext: false,
  totalItems: 5,
  totalItemsChanged: false,
  itemCount: 5,
  extractCount: 5,
  repeatedPage: false,
  doubtful: false,
  missing: 0,
  unreadable: 0,
};

describe('an upload is complete', () => {
  test.each<[string, Partial<PollFindings>]>([
    ['all is there', {}],
    ['no total is announced', { totalItems: null }],
    ['more was read than announced', { itemCount: 6, extractCount: 6 }],
    ['the list grew and all of it was read', { totalItemsChanged: true, itemCount: 6 }],
    ['nothing was sent and nothing came', { totalItems: 0, itemCount: 0, extractCount: 0 }],
  ])('an upload is complete when %s', (_, findings) => {
    expect(isComplete({ ...DONE, ...findings })).toBe(true);
  });
});

describe('an upload is not complete', () => {
  test.each<[string, Partial<PollFindings>]>([
    ['a page follows', { hasNext: true }],
    ['a document is missing', { missing: 1 }],
    ['a document is missing and no total is announced', { missing: 1, totalItems: null }],
    ['a further extract is announced', { totalItems: 6 }],
    [
      'no total is announced and a page held nothing but repeats',
      { totalItems: null, doubtful: true, repeatedPage: true },
    ],
    [
      'no total is announced and a page repeats an item of another',
      { totalItems: null, doubtful: true, itemCount: 6 },
    ],
    [
      'the list grew and a repeat stands for an item that was pushed past us',
      { totalItemsChanged: true, itemCount: 5, extractCount: 4 },
    ],
    ['a repeat stands where another extract may be', { itemCount: 5, extractCount: 4 }],
    ['a page held nothing but repeats', { repeatedPage: true, extractCount: 3 }],
    ['an item cannot be read', { unreadable: 1 }],
    ['an empty page says that there is more', { itemCount: 0, extractCount: 0 }],
  ])('an upload is not complete when %s', (_, findings) => {
    expect(isComplete({ ...DONE, ...findings })).toBe(false);
  });
});

test.each<[boolean, string, Partial<PollFindings>]>([
  [true, 'a whole list has one item less than announced', { totalItems: 6 }],
  [true, 'a repeat stands where another extract may be', { itemCount: 5, extractCount: 4 }],
  [true, 'an item of a whole list cannot be read', { unreadable: 1 }],
  [true, 'an item cannot be read and no total is announced', { unreadable: 1, totalItems: null }],
  [false, 'an item cannot be read and a document is missing', { unreadable: 1, missing: 1 }],
  [false, 'all is there', {}],
  [false, 'no total is announced', { totalItems: null }],
  [false, 'a document is missing', { totalItems: 6, missing: 1 }],
  [true, 'a page repeats an item and no total is announced', { totalItems: null, doubtful: true }],
  [false, 'a page follows', { totalItems: 6, hasNext: true }],
  [false, 'the list grew while it was read', { totalItems: 6, totalItemsChanged: true }],
  [true, 'a page held nothing but repeats', { repeatedPage: true, extractCount: 3 }],
  [false, 'repeats are not as many as announced', { totalItems: 6, repeatedPage: true }],
])('it is %s that an upload is overdue when %s', (overdue, _, findings) => {
  expect(isOverdue({ ...DONE, ...findings })).toBe(overdue);
});
