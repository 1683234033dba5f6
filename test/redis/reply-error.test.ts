import { inspect } from 'node:util';
import { Redis } from 'ioredis';
import { expect, it, onTestFinished } from 'vitest';
import { bareError, TransientError } from '../../src/errors.js';
import { describeRefusal, isReplyError, writeRefusal } from '../../src/redis/reply-error.js';
import { testRedis } from '../helpers/redis.js';

async function refusalOf(...command: [string, ...string[]]): Promise<Error> {
  const redis = new Redis(testRedis().url);
  onTestFinished(() => redis.disconnect());
  const error = await redis.call(...command).catch((thrown: unknown) => thrown);
  if (!isReplyError(error)) throw new Error('Redis did not refuse');
  return error;
}

it('the bare error of a command that Redis does not know shows no argument of it', async () => {
  const error = await refusalOf('NOSUCH', 'canary');
  expect(error.message).toContain('canary');
  expect(inspect(bareError(error), { depth: 9, showHidden: true })).not.toContain('canary');
  expect(describeRefusal(error)).toMatch(/^refuses us: ERR unknown command 'NOSUCH'$/);
});

it('a bare error keeps name, code and message of an error, and not its command', async () => {
  const error = Object.assign(await refusalOf('AUTH', 'canary-user', 'canary'), { code: 'E1' });
  expect(inspect(error, { depth: 9 })).toContain('canary');
  const bare = bareError(error);
  expect({ ...bare }).toEqual({ name: 'ReplyError', code: 'E1' });
  expect(bare.message).toMatch(/^WRONGPASS /);
  const thrown = new TransientError('STORAGE', 'no response', { cause: error });
  expect(thrown.cause).toEqual(bare);
  expect(inspect([bare, thrown], { depth: 9, showHidden: true })).not.toContain('canary');
});

it.each([
  ['NOAUTH Authentication required.', 'put user and password into REDIS_URL'],
  ['WRONGPASS invalid username-password pair', 'check user and password'],
  ["NOPERM this user has no permissions to run the 'info' command", 'permission'],
  ["READONLY You can't write against a read only replica.", 'point REDIS_URL to its master'],
  ["OOM command not allowed when used memory > 'maxmemory'.", 'raise its maxmemory'],
  ['ERR Error running script: @user_script: 1: -OOM command not allowed', 'raise its maxmemory'],
  [
    "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
    'has lost its master',
  ],
  ['MISCONF Redis is configured to save RDB snapshots', 'cannot write to its disk'],
  ['NOREPLICAS Not enough good replicas to write.', 'too few replicas'],
  ['MOVED 3999 127.0.0.1:6381', 'node of a Cluster'],
  ['BUSY Redis is busy running a script.', 'SCRIPT KILL'],
  ['CLUSTERDOWN Hash slot not served', 'its Cluster is down'],
  ['WRONGTYPE Operation against a key holding the wrong kind of value', 'QUEUE_PREFIX'],
  ["ERR The user executing the script can't run this command or subcommand", 'all permissions'],
  ["ERR ACL failure in script: User app has no permissions to run the 'xlen' command", 'all perm'],
])('the description of the refusal %j says what to do', (message, remedy) => {
  expect(describeRefusal(new Error(message))).toBe(
    `refuses us: ${message.replace(/\.$/, '')}; ${/; (.*)$/.exec(describeRefusal(new Error(message)))?.[1]}`,
  );
  expect(describeRefusal(new Error(message))).toContain(remedy);
});

it.each([
  ['cluster', 'MOVED 3999 127.0.0.1:6381', 'another node holds our keys now'],
  ['sentinels', "READONLY You can't write against a read only replica.", 'the Sentinels name a'],
  ['single', 'MOVED 3999 127.0.0.1:6381', 'set REDIS_CLUSTER=true'],
])(
  'what is set already is not advised where Redis is reached by %s: %s',
  (topology, message, says) => {
    const redis = { options: { topology } } as unknown as Redis;
    const error = Object.assign(new Error(message), { name: 'ReplyError' });
    expect(describeRefusal(error, redis)).toContain(says);
    if (message.startsWith('READONLY')) expect(writeRefusal(error, redis)).toContain(says);
  },
);
