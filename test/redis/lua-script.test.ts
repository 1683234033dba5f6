import { describe, expect, it } from 'vitest';
import { LuaScript } from '../../src/redis/lua-script.js';
import { connect } from '../atlas/redis-connection.js';
import { testRedis } from '../helpers/redis.js';

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
  });

  it('a Lua script runs in a pipeline of a Redis that does not know it', async () => {
    const redis = connect(testRedis());
    const pipeline = redis.pipeline();
    new LuaScript('return { KEYS[1], ARGV[1] }').addTo(pipeline, ['k'], [7]);
    expect(await pipeline.exec()).toEqual([[null, ['k', '7']]]);
  });
});
