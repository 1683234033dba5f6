import type { Redis } from 'ioredis';
import { describe, expect, it, onTestFinished } from 'vitest';
import { startPrivateRedis } from '../../scripts/private-redis.js';
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

  it('a Lua script for a full Redis runs there, and on servers that cannot be told so as any other', async () => {
    const server = await startPrivateRedis();
    onTestFinished(() => server.stop());
    const redis = connect({ url: server.url, prefix: 'p' });
    await redis.config('SET', 'maxmemory', '1');
    const lua = "return redis.call('SET', KEYS[1], ARGV[1])";
    await expect(new LuaScript(lua).run(redis, ['k'], [7])).rejects.toThrow('OOM');
    const script = new LuaScript(lua, { whenFull: true });
    expect(await script.run(redis, ['k'], [7])).toBe('OK');

    // As Redis 6.2 answers.
    const texts: string[] = [];
    const older = {
      evalsha: async () => Promise.reject(new Error('NOSCRIPT No matching script.')),
      async eval(text: string) {
        texts.push(text);
        if (text.startsWith('#')) {
          throw new Error(
            "ERR Error compiling script (new function): user_script:1: unexpected symbol near '#' ",
          );
        }
        return 'run';
      },
    } as unknown as Redis;
    for (let i = 0; i < 2; i += 1) expect(await script.run(older, ['k'], [7])).toBe('run');
    expect(texts).toEqual([expect.stringMatching(/^#!lua /), lua, lua]);
  });

  it('a Lua script runs in a pipeline of a Redis that does not know it', async () => {
    const redis = connect(testRedis());
    const pipeline = redis.pipeline();
    new LuaScript('return { KEYS[1], ARGV[1] }').addTo(pipeline, ['k'], [7]);
    expect(await pipeline.exec()).toEqual([[null, ['k', '7']]]);
  });
});
