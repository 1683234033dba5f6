import { describe, expect, it } from 'vitest';
import { BoundedMap } from '../../src/polling/learning-policy.js';

describe('a bounded map', () => {
  it('a bounded map drops the entry touched least recently', () => {
    const map = new BoundedMap<number>(2);
    map.touch('a', () => 1);
    map.touch('b', () => 2);
    map.touch('a', () => 9);
    map.touch('c', () => 3);
    expect([map.get('a'), map.get('b'), map.get('c'), map.size]).toEqual([1, undefined, 3, 2]);
  });

  it('a bounded map does not count reading as touching', () => {
    const map = new BoundedMap<number>(2);
    map.touch('a', () => 1);
    map.touch('b', () => 2);
    map.get('a');
    map.touch('c', () => 3);
    expect(map.get('a')).toBeUndefined();
  });
});
