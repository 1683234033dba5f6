import { getEventListeners } from 'node:events';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  callAfter,
  settlesWithin,
  unlessAborted,
  whenAborted,
  withEither,
  withTimeout,
} from '../src/timeouts.js';

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

const never = () => new Promise<never>(() => {});

describe('withTimeout', () => {
  it('withTimeout gives what the work gives, and leaves no timer behind', async () => {
    expect(await withTimeout(Promise.resolve('done'), 1000, () => 'late')).toBe('done');
    await expect(withTimeout(Promise.reject(new Error('no')), 1000, () => 0)).rejects.toThrow('no');
    expect(vi.getTimerCount()).toBe(0);
  });

  it('withTimeout gives what its time-out gives or throws when the work takes longer', async () => {
    const late = withTimeout(never(), 1000, () => 'late');
    const thrown = expect(
      withTimeout(never(), 1000, () => {
        throw new Error('too late');
      }),
    ).rejects.toThrow('too late');
    await vi.advanceTimersByTimeAsync(1000);
    expect(await late).toBe('late');
    await thrown;
  });
});

describe('settlesWithin', () => {
  it('settlesWithin says whether the work settled in time, and rejects when the work does', async () => {
    expect(await settlesWithin(Promise.resolve(), 1000)).toBe(true);
    await expect(settlesWithin(Promise.reject(new Error('no')), 1000)).rejects.toThrow('no');
    const inTime = settlesWithin(never(), 1000);
    await vi.advanceTimersByTimeAsync(1000);
    expect(await inTime).toBe(false);
  });
});

describe('whenAborted', () => {
  it('whenAborted calls each back once, in their order, also after the abort, and none that is called off', () => {
    const abort = new AbortController();
    const called: string[] = [];
    whenAborted(abort.signal, () => called.push('first'));
    const callOff = whenAborted(abort.signal, () => called.push('called off'));
    whenAborted(abort.signal, () => called.push('second'));
    callOff();
    callOff();
    abort.abort();
    whenAborted(abort.signal, () => called.push('late'));
    expect(called).toEqual(['first', 'second', 'late']);
  });

  it('whenAborted lets a signal have one listener, however many wait for it, and none after them', async () => {
    const { signal } = new AbortController();
    const listeners = () => getEventListeners(signal, 'abort').length;
    const ends: (() => void)[] = [];
    const work = () => new Promise<void>((resolve) => ends.push(resolve));
    const all = Array.from({ length: 50 }, () => [
      unlessAborted(work(), signal),
      withEither([signal], work),
    ]);
    expect(listeners()).toBe(1);
    for (const end of ends) end();
    await Promise.all(all.flat());
    expect(listeners()).toBe(0);
    const callOff = whenAborted(signal, () => {});
    expect(listeners()).toBe(1);
    callOff();
    expect(listeners()).toBe(0);
  });
});

describe('unlessAborted', () => {
  it('unlessAborted rejects with the reason of the signal before the work settles', async () => {
    const abort = new AbortController();
    const waiting = expect(unlessAborted(never(), abort.signal)).rejects.toThrow('enough');
    abort.abort(new Error('enough'));
    await waiting;
    expect(await unlessAborted(Promise.resolve(1), new AbortController().signal)).toBe(1);
  });
});

describe('callAfter', () => {
  const YEAR_MS = 365 * 86_400_000;

  it('callAfter calls back after a time that is longer than a timer of Node can be', async () => {
    const act = vi.fn();
    callAfter(YEAR_MS, act);
    await vi.advanceTimersByTimeAsync(YEAR_MS - 1);
    expect(act).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1);
    expect(act).toHaveBeenCalledOnce();
  });

  it('callAfter never calls back after Infinity, nor once it is called off', () => {
    callAfter(Number.POSITIVE_INFINITY, vi.fn());
    expect(vi.getTimerCount()).toBe(0);
    const callOff = callAfter(YEAR_MS, vi.fn());
    vi.advanceTimersByTime(YEAR_MS - 1);
    callOff();
    callOff();
    expect(vi.getTimerCount()).toBe(0);
  });
});
