/** Every secret gets a new value while batches flow: none fails, and no process is started again. */
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { Webhook } from 'standardwebhooks';
import { expect, it, onTestFinished } from 'vitest';
import { createSecretsFolder } from '../../scripts/kubernetes/secrets-folder.js';
import { startPrivateRedis } from '../../scripts/private-redis.js';
import { createToken } from '../../src/config/api-tokens.js';
import { hashPassword } from '../../src/server/login/password-hash.js';
import { allJobsEnded } from '../helpers/fault-points.js';
import { type System, startSystem } from '../helpers/system.js';
import { waitUntil } from '../helpers/wait-until.js';
import { createServer, SILENT } from '../server/test-server.js';

const ADD_EVERY_MS = 100;
/** Files of secrets are read every 10 s, and two versions of them have to be. */
const ROTATION_TIMEOUT_MS = 120_000;
const PASSWORDS = ['redis-password-one', 'redis-password-two'] as const;
const CALLBACKS = ['callback-secret-one', 'callback-secret-two'] as const;
const WEBHOOKS = [secretOf('one'), secretOf('two')] as const;
const LOGINS = ['dashboard-password-one', 'dashboard-password-two'] as const;
const PERSONS = ['person-password-one', 'person-password-two'] as const;
const TOKENS = [
  createToken('app-one', 'submit', 'loans'),
  createToken('app-two', 'submit', 'loans'),
] as const;

function secretOf(text: string): string {
  return `whsec_${Buffer.alloc(32, `webhook-secret-${text}`).toString('base64')}`;
}

/** A line of `DASHBOARD_USERS_FILE`. */
async function personWith(password: string): Promise<string> {
  return `asha:${await hashPassword(password)}:view\n`;
}

interface Delivery {
  headers: Record<string, string>;
  body: string;
}

/** Keeps what it gets, whoever has signed it. */
async function startReceiver(): Promise<{ url: string; deliveries: Delivery[] }> {
  const deliveries: Delivery[] = [];
  const server = createHttpServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(Buffer.from(chunk));
    const headers = request.headers as Record<string, string>;
    deliveries.push({ headers, body: Buffer.concat(chunks).toString() });
    response.writeHead(204).end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return { url: `http://127.0.0.1:${address.port}/events`, deliveries };
}

function isSignedWith(secret: string, { headers, body }: Delivery): boolean {
  try {
    new Webhook(secret).verify(body, headers);
    return true;
  } catch {
    return false;
  }
}

/** Adds batches until it is stopped, and then says how many. */
function addBatches(system: System): { stop(): Promise<number> } {
  let [count, stopped] = [0, false];
  const adding = (async () => {
    while (!stopped) {
      count += 1;
      await system.submit(`loan-${count}`, 2, `${count}-`);
      await delay(ADD_EVERY_MS);
    }
  })();
  return {
    async stop() {
      stopped = true;
      await adding;
      return count;
    },
  };
}

it(
  'every secret is rotated under load, without a failed batch and without a restart',
  async () => {
    const own = await startPrivateRedis();
    onTestFinished(() => own.stop());
    const admin = new Redis(own.url);
    onTestFinished(() => admin.disconnect());
    const [before, after] = PASSWORDS;
    await admin.acl(
      'SETUSER',
      'atlas',
      'on',
      `>${before}`,
      'allkeys',
      'allchannels',
      'allcommands',
    );
    const urlWith = (password: string) => own.url.replace('//', `//atlas:${password}@`);

    const receiver = await startReceiver();
    const system = await startSystem({ redisUrl: own.url });
    const secrets = createSecretsFolder({
      REDIS_URL: urlWith(before),
      ATLAS_CLIENT_ID: 'test-client',
      ATLAS_CLIENT_SECRET: 'test-client-secret',
      CALLBACK_CLIENT_ID: 'atlas',
      CALLBACK_CLIENT_SECRET: CALLBACKS[0],
      COMPLETION_WEBHOOK_URL: receiver.url,
      COMPLETION_WEBHOOK_SECRET: WEBHOOKS[0],
      DASHBOARD_USER: 'operator',
      DASHBOARD_PASSWORD: LOGINS[0],
      API_TOKENS: TOKENS[0].line,
      people: await personWith(PERSONS[0]),
    });
    onTestFinished(() => secrets.remove());
    const inFiles = (...names: string[]) =>
      Object.fromEntries(
        names.flatMap((name) => [
          [name, ''],
          [`${name}_FILE`, `${secrets.path}/${name}`],
        ]),
      );
    const ofAll = ['REDIS_URL', 'CALLBACK_CLIENT_ID', 'CALLBACK_CLIENT_SECRET'];
    const ofWorkers = ['ATLAS_CLIENT_ID', 'ATLAS_CLIENT_SECRET'];
    const webhook = ['COMPLETION_WEBHOOK_URL', 'COMPLETION_WEBHOOK_SECRET'];
    const worker = await system.startWorkerProcess(inFiles(...ofAll, ...ofWorkers, ...webhook));
    const log: string[] = [];
    const { server } = await createServer(
      {
        QUEUE_PREFIX: system.prefix,
        ...inFiles(...ofAll, 'DASHBOARD_USER', 'DASHBOARD_PASSWORD', 'API_TOKENS'),
        DASHBOARD_USERS_FILE: `${secrets.path}/people`,
      },
      { logger: { ...SILENT, info: (_, message) => void log.push(message) } },
    );
    /** All of them say that they use the new value. */
    const used = (names: readonly string[], times: number) =>
      waitUntil(`new values of ${names.join(', ')}`, () => {
        const said = [worker.output(), log.join('\n')].join('\n');
        return names.every((name) => said.split(`${name} has a new value`).length - 1 >= times);
      });
    const logsIn = async (name: string, password: string) => {
      const authorization = `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`;
      const { statusCode } = await server.app.inject({
        url: '/dashboard/batches',
        headers: { authorization },
      });
      return statusCode === 200;
    };
    const isToken = async (token: string) => {
      const headers = { authorization: `Bearer ${token}` };
      const { statusCode } = await server.app.inject({ url: '/api/v1/batches/none', headers });
      return statusCode === 404;
    };
    const isCallback = async (secret: string) => {
      const headers = { 'client-id': 'atlas', 'client-secret': secret };
      const url = '/callbacks/atlas/token';
      return (await server.app.inject({ method: 'POST', url, headers })).statusCode === 200;
    };
    const adding = addBatches(system);
    await waitUntil('an event', () => receiver.deliveries.length > 0);

    // Old and new ones side by side, where two can be; Atlas ends its old ones before anybody has the new.
    await admin.acl('SETUSER', 'atlas', `>${after}`);
    system.atlas.setCredentials({ clientId: 'new-client', clientSecret: 'new-client-secret' });
    secrets.update({
      REDIS_URL: urlWith(after),
      ATLAS_CLIENT_ID: 'new-client',
      ATLAS_CLIENT_SECRET: 'new-client-secret',
      CALLBACK_CLIENT_SECRET: `${CALLBACKS[1]},${CALLBACKS[0]}`,
      COMPLETION_WEBHOOK_SECRET: `${WEBHOOKS[1]},${WEBHOOKS[0]}`,
      DASHBOARD_PASSWORD: LOGINS[1],
      people: await personWith(PERSONS[1]),
      API_TOKENS: TOKENS.map(({ line }) => line).join('\n'),
    });
    await used(['REDIS_URL', 'CALLBACK_CLIENT_SECRET'], 2);
    await used([...ofWorkers, 'COMPLETION_WEBHOOK_SECRET', 'DASHBOARD_PASSWORD', 'API_TOKENS'], 1);
    await waitUntil('the new people', () => log.join('\n').includes('DASHBOARD_USERS_FILE has'));
    await admin.acl('SETUSER', 'atlas', `<${before}`);
    await admin.client('KILL', 'USER', 'atlas');
    expect(await Promise.all(CALLBACKS.map(isCallback))).toEqual([true, true]);
    expect(await Promise.all(TOKENS.map(({ token }) => isToken(token)))).toEqual([true, true]);
    const passwords = (name: string, ofName: readonly string[]) =>
      Promise.all(ofName.map((password) => logsIn(name, password)));
    expect(await passwords('operator', LOGINS)).toEqual([false, true]);
    expect(await passwords('asha', PERSONS)).toEqual([false, true]);
    const signedTwice = (one: Delivery) => WEBHOOKS.every((secret) => isSignedWith(secret, one));
    await waitUntil('an event with two signatures', () => receiver.deliveries.some(signedTwice));

    // The old ones end.
    secrets.update({
      CALLBACK_CLIENT_SECRET: CALLBACKS[1],
      COMPLETION_WEBHOOK_SECRET: WEBHOOKS[1],
      API_TOKENS: TOKENS[1].line,
    });
    await used(['CALLBACK_CLIENT_SECRET'], 4);
    await used(['COMPLETION_WEBHOOK_SECRET', 'API_TOKENS'], 2);
    expect(await Promise.all(CALLBACKS.map(isCallback))).toEqual([false, true]);
    expect(await Promise.all(TOKENS.map(({ token }) => isToken(token)))).toEqual([false, true]);
    const isNew = (one: Delivery) => isSignedWith(WEBHOOKS[1], one) && !signedTwice(one);
    await waitUntil('an event with the new signature', () => receiver.deliveries.some(isNew));

    const count = await adding.stop();
    await allJobsEnded(system, count);
    expect(await system.batches.getFailedCount()).toBe(0);
    expect(system.atlas.uploads()).toHaveLength(count);
    expect(worker.hasExited).toBe(false);
    const secretValues = [...PASSWORDS, ...CALLBACKS, ...WEBHOOKS, ...LOGINS, ...PERSONS];
    for (const value of [
      ...secretValues,
      'new-client-secret',
      ...TOKENS.map(({ token }) => token),
    ]) {
      expect(worker.output() + log.join('\n')).not.toContain(value);
    }
  },
  ROTATION_TIMEOUT_MS,
);
