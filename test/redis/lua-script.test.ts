import { afterEach, describe, expect, it, vi } from 'vitest';
import { fromRedis, LuaScript } from '../../src/redis/lua-script.js';
import { connect } from '../atlas/redis-connection.js';
import { testRedis } from '../helpers/redis.js';

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

describe('LuaScript', () => {
  it('a Lua script runs whether Redis knows it already or not', async () => {
    const test = testRedis();
    const redis = connect(test);
    const script = new LuaScript(`return { KEYS[1], ARGV[1], '${test.prefix}' }`);
    for (let i = 0; i < 2; i += 1) {
      expect(await script.run(redis, ['k'], [7])).toEqual(['k', '7', test.prefix]);
    }
  });

  it('the error of a Lua script that fails says why', async () => {
    const redis = connect(testRedis());
    const failing = new LuaScript("return redis.call('NOPE')");
    await expect(failing.run(redis, [], [])).rejects.toThrow('ERR Unknown Redis command');
    await expect(fromRedis(failing.run(redis, [], []))).rejects.toThrow('Redis gave no answer');
  });
});
