import { afterEach, describe, expect, it, vi } from 'vitest';
import { fromRedis } from '../../src/atlas/shared-state.js';

afterEach(() => {
  vi.useRealTimers();
});

describe('fromRedis', () => {
  it('a command by fromRedis does not wait for a connection that does not come back', async () => {
    vi.useFakeTimers();
    const waiting = expect(fromRedis(new Promise(() => {}))).rejects.toMatchObject({
      name: 'TransientError',
      code: 'ATLAS_UNAVAILABLE',
      taken: 'not-taken',
      retryAfterMs: 1000,
    });
    await vi.advanceTimersByTimeAsync(5_000);
    await waiting;
  });

  it('the error of fromRedis does not hold the command that failed', async () => {
    const failure = Object.assign(new Error('ERR'), { command: { args: ['canary'] } });
    const error = await fromRedis(Promise.reject(failure)).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ name: 'TransientError' });
    expect(error).not.toHaveProperty('cause');
  });
});
