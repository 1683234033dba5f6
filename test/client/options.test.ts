/** What a developer may get wrong when creating a client, and what is accepted. */
import { Redis } from 'ioredis';
import { expect, onTestFinished, test } from 'vitest';
import { createAtlasBatchClient } from '../../src/client/client.js';
import { RedisUnavailableError, UsageError } from '../../src/errors.js';
import { testRedis } from '../helpers/redis.js';
import { batchOf, startClient } from './test-client.js';

const redisUrl = 'redis://127.0.0.1:1';
const { duplicate } = Redis.prototype;

test.each<[options: unknown, message: RegExp]>([
  [undefined, /no options.*redisUrl, redis or connection.*redis:\/\/127\.0\.0\.1:6379/],
  [null, /options as an object/],
  ['redis://127.0.0.1:6379', /options as an object.*redisUrl/],
  [{}, /not told where Redis is.*redisUrl, redis or connection/],
  [{ prefix: '{atlas}' }, /not told where Redis is/],
  [{ redisUrl: undefined }, /redisUrl is undefined.*REDIS_URL/],
  [{ redisUrl: '' }, /redisUrl must be a URL such as redis:\/\//],
  [{ redisUrl: 'http://127.0.0.1:6379' }, /redisUrl must be a URL such as redis:\/\//],
  [{ redisUrl: 'localhost' }, /redisUrl must be a URL such as redis:\/\//],
  [{ redisUrl: 6379 }, /redisUrl must be a URL such as redis:\/\//],
  [{ redisURL: redisUrl }, /no option redisURL; it has redisUrl, redis, connection/],
  [{ redisUrl, host: 'a', port: 1 }, /no option host, port; it has/],
  [{ redisUrl, connection: {} }, /redisUrl and connection exclude each other/],
  [{ redisUrl, redis: { url: redisUrl } }, /redisUrl and redis exclude each other/],
  [{ redis: null }, /redis must be \{ url \}, \{ sentinels, name \} or \{ cluster \}/],
  [{ redis: redisUrl }, /redis must be \{ url \}/],
  [{ redis: { host: 'a', port: 1 } }, /redis must be \{ url \}/],
  [{ redis: { url: redisUrl, password: 'x' } }, /redis has no option password; it has url, tls/],
  [{ redis: { url: undefined } }, /redis\.url must be a URL/],
  [{ redis: { url: redisUrl, tls: {} } }, /redis\.url must be rediss:\/\/ for redis\.tls/],
  [{ redis: { cluster: [] } }, /redis\.cluster must list at least one \{ host, port \}/],
  [{ redis: { cluster: 'one:7000' } }, /redis\.cluster must list/],
  [{ redis: { cluster: [{ host: 'one', port: 0 }] } }, /redis\.cluster must list/],
  [{ redis: { sentinels: [{ host: 'one' }], name: 'm' } }, /redis\.sentinels must list/],
  [{ redis: { sentinels: [{ host: 'a', port: 1 }] } }, /redis\.name is missing/],
  [{ connection: redisUrl }, /connection must be an object/],
  [{ connection: null }, /connection must be an object/],
  [{ connection: { sendCommand() {} } }, /connection must be an ioredis Redis or Cluster/],
  [{ connection: {} }, /connection says nowhere where Redis is; give host and port, path or url/],
  [{ connection: { hots: 'redis.internal' } }, /connection says nowhere where Redis is/],
  [{ connection: { host: undefined, db: 1 } }, /connection says nowhere where Redis is/],
  [{ connection: { host: 6379 } }, /connection\.host must be a name or an address/],
  [{ connection: { port: '6379' } }, /connection\.port must be a whole number from 1 to 65535/],
  [{ connection: { url: 'http://a' } }, /connection\.url must be a URL such as redis:\/\//],
  [{ connection: { keyPrefix: 'app:' } }, /connection has a keyPrefix.*use prefix/],
  [
    { connection: { duplicate, status: 'wait', options: { keyPrefix: 'app:' } } },
    /connection has a keyPrefix.*use prefix/,
  ],
  [{ redisUrl, prefix: '' }, /prefix must be text without spaces and colons/],
  [{ redisUrl, prefix: 7 }, /prefix must be text/],
  [{ redisUrl, actor: '' }, /actor is empty: it names who makes the changes/],
  [{ redisUrl, actor: ' \n' }, /actor is empty/],
  [{ redisUrl, s3: 'eu-west-1' }, /s3 must be an object/],
  [{ redisUrl, s3: { endpoint: 'minio:9000' } }, /s3\.endpoint must be a URL such as http:\/\//],
  [{ redisUrl, s3: { endpoint: 9000 } }, /s3\.endpoint must be a URL such as http:\/\//],
  [{ redisUrl, s3: { region: 5 } }, /s3\.region must be text/],
  [{ redisUrl, s3: { regin: 'eu-west-1' } }, /s3 has no option regin; it has those of the AWS SDK/],
  [{ redisUrl, results: { bucket: 'X' } }, /results\.bucket must be the name of a bucket/],
  [{ redisUrl, results: { bucket: 5 } }, /results\.bucket must be the name of a bucket/],
  [{ redisUrl, telemetry: 'my-app' }, /telemetry must be what BullMQ takes/],
  [{ redisUrl, telemetry: {} }, /telemetry must be what BullMQ takes/],
  [{ redisUrl, proxy: 'http://proxy' }, /proxy takes its options as an object, with httpsProxy/],
  [
    { redisUrl, proxy: { httpsProxy: 'proxy:3128', httpProxy: null, noProxy: [] } },
    /proxy\.httpsProxy must be a URL such as http:\/\/proxy/,
  ],
  [
    { redisUrl, proxy: { httpsProxy: null, httpProxy: null, noProxy: 'a,b' } },
    /proxy\.noProxy must be a list/,
  ],
])('a client refuses %j in a sentence that names the option', (options, message) => {
  const create = () => createAtlasBatchClient(options as never);
  expect(create).toThrow(UsageError);
  expect(create).toThrow(message);
});

test('a client refuses a URL without showing its password', () => {
  const create = () => createAtlasBatchClient({ redisUrl: 'http://:canary@127.0.0.1' });
  expect(create).toThrow(UsageError);
  expect(create).not.toThrow(/canary/);
});

test.each<[how: string, connectionOf: (url: URL) => object]>([
  ['host and port', ({ hostname, port }) => ({ host: hostname, port: Number(port) })],
  ['a url', ({ href }) => ({ url: href })],
  [
    'what BullMQ wants for workers',
    ({ hostname, port }) => ({
      host: hostname,
      port: Number(port),
      maxRetriesPerRequest: null,
      enableOfflineQueue: false,
    }),
  ],
])('a client opens a connection of its own from %s, as BullMQ does', async (_, connectionOf) => {
  const { url, prefix } = testRedis();
  const client = createAtlasBatchClient({ connection: connectionOf(new URL(url)), prefix });
  onTestFinished(() => client.close());
  expect((await client.enqueue(batchOf('a'))).status).toBe('added');
  await expect(client.wait('a', { timeoutMs: 1 })).rejects.toThrow(/did not end within 1 ms/);
  await client.close();
});

test('a client with options of a connection logs in, and fails fast when nobody listens', async () => {
  const { url, prefix } = testRedis();
  const admin = new Redis(url);
  onTestFinished(() => admin.disconnect());
  const user = `user-${prefix.replace(/\W/g, '')}`;
  await admin.call('ACL', 'SETUSER', user, 'on', '>secret', '~*', '&*', '+@all');
  onTestFinished(async () => void (await admin.call('ACL', 'DELUSER', user)));
  const { hostname: host, port } = new URL(url);
  const login = { host, port: Number(port), username: user };
  const good = createAtlasBatchClient({ connection: { ...login, password: 'secret' }, prefix });
  onTestFinished(() => good.close());
  expect((await good.enqueue(batchOf('a'))).status).toBe('added');
  const bad = createAtlasBatchClient({ connection: { ...login, password: 'canary' }, prefix });
  onTestFinished(() => bad.close());
  await expect(bad.status('a')).rejects.toThrow(/refuses us: WRONGPASS/);
  const away = createAtlasBatchClient({ connection: { host: '127.0.0.1', port: 1 }, prefix });
  onTestFinished(() => away.close());
  await expect(away.status('a')).rejects.toBeInstanceOf(RedisUnavailableError);
});

type Client = ReturnType<typeof startClient>['client'];

test.each<[call: string, act: (client: Client) => unknown, message: RegExp]>([
  [
    'wait with another option',
    (client) => client.wait('a', { timeout: 5 } as never),
    /wait has no option timeout; it has timeoutMs, signal/,
  ],
  ['wait with text', (client) => client.wait('a', 5 as never), /wait takes its options/],
  [
    'wait with no signal',
    (client) => client.wait('a', { signal: new AbortController() as never }),
    /signal must be an AbortSignal/,
  ],
  [
    'results with another option',
    (client) => client.results('a', { limit: 5 } as never).next(),
    /results has no option limit; it has signal/,
  ],
  [
    'events with another option',
    (client) => client.events({ reference: 'a' } as never).next(),
    /events has no option reference; it has references, signal/,
  ],
  [
    'events with text for a list',
    (client) => client.events({ references: 'a' as never }).next(),
    /references must be a list/,
  ],
  [
    'events with a reference that is no text',
    (client) => client.events({ references: ['a', 5 as never] }).next(),
    /references must be a list of references, which are text/,
  ],
  [
    'events of a reference that no batch can have',
    (client) => client.events({ references: ['loan-1', 'a b'] }).next(),
    /references must be a list of references: each 1 to 128 of .*, and not "a b"$/,
  ],
  ...(['foo', 'erase', 'toString', undefined] as const).map(
    (action): [string, (client: Client) => unknown, RegExp] => [
      `preview of ${action}`,
      (client) => client.preview(action as never, { state: 'failed' }),
      /^the action is one of retry, cancel, redeliver$/,
    ],
  ),
  [
    'preview of nothing',
    (client) => (client as unknown as { preview(): unknown }).preview(),
    /^the action is one of retry, cancel, redeliver$/,
  ],
  [
    'redeliverMany with text for a list',
    (client) => client.redeliverMany({ references: 'x' as never }).next(),
    /references of a redeliver must be a list of references, which are text/,
  ],
  ...(['status', 'wait', 'cancel'] as const).map(
    (method): [string, (client: Client) => unknown, RegExp] => [
      `${method} with the result of enqueue`,
      (client) => client[method]({ status: 'added', reference: 'a' } as never),
      new RegExp(`${method} takes the reference of a batch, which is text`),
    ],
  ),
  [
    'results without a reference',
    (client) => client.results(undefined as never).next(),
    /results takes the reference of a batch, which is text/,
  ],
  [
    'enqueueMany with one batch',
    (client) => client.enqueueMany(batchOf('a') as never),
    /enqueueMany takes a list/,
  ],
  [
    'cancel with a reason that is no text',
    (client) => client.cancel('a', { why: 1 } as never),
    /the reason of a cancel must be a string/,
  ],
])('a client refuses %s in a sentence that names it', async (_, act, message) => {
  const { client } = startClient();
  const error = await Promise.resolve(act(client)).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(UsageError);
  expect((error as Error).message).toMatch(message);
});
