import { expect, test } from 'vitest';
import { whyClutter } from '../../../src/cli/input/clutter.js';

test.each([
  ['8841/.DS_Store', 6148],
  ['8841/Thumbs.db', 7],
  ['THUMBS.DB', 7],
  ['8841/desktop.ini', 7],
  ['__MACOSX/8841/pan.jpg', 7],
  ['8841/._pan.jpg', 7],
  ['8841/~$letter.docx', 7],
  ['8841_$folder$', 0],
  ['8841/@eaDir/pan.jpg', 7],
])('%s is a file of a system, and no document', (key, size) => {
  expect(whyClutter({ key, size })).toBe('a file of the system');
});

test('a marker of a folder and an empty object are no documents', () => {
  expect(whyClutter({ key: '8841/', size: 0 })).toBe('a folder');
  expect(whyClutter({ key: '8841/pan.jpg', size: 0 })).toBe('empty');
});

test.each([
  '8841/pan.jpg',
  '.hidden.pdf',
  '8841/my.DS_Store.pdf',
  'thumbs.db.pdf',
  'a_.b',
  '_.jpg',
])('%s is a document', (key) => {
  expect(whyClutter({ key, size: 1 })).toBeUndefined();
});
