/** What a cluster has around the pods: a Redis, stand-ins of Atlas and S3, a Service and a webhook. */
import { once } from 'node:events';
import { createServer, request as httpRequest, type Server } from 'node:http';
import { startSimulators } from '../../src/simulator/index.js';
import { startPrivateRedis } from '../private-redis.js';
import type { Pod } from './local-pod.js';
import { createSecretsFolder } from './secrets-folder.js';

/** Documents arrive within this time: the restart happens in the middle of some batches. */
const COMPLETION_MS = 800;
/** A callback that comes before the poll job does is made up for by a poll, which takes a minute elsewhere. */
const POLL_MAX_MS = '2000';
const CALLBACK = { clientId: 'atlas', clientSecret: 'callback-secret-of-this-trial' };

/** Starts all of it, or nothing. */
export async function startLocalCluster(apiTokenLine: string) {
  const started: (() => unknown)[] = [];
  const stop = async () => {
    for (const end of started.splice(0).reverse()) await end();
  };
  try {
    const redis = await startPrivateRedis({ appendOnly: true });
    started.push(() => redis.stop());
    const deliveries: string[] = [];
    const webhook = createServer((request, response) => {
      deliveries.push(String(request.headers['webhook-id']));
      request.resume().on('end', () => response.writeHead(204).end());
    });
    const webhookUrl = await listen(webhook);
    started.push(() => webhook.close());
    const ready: Pod[] = [];
    const service = createService(ready);
    const serviceUrl = await listen(service);
    started.push(() => service.close());
    const simulators = await startSimulators({
      atlas: {
        completionMs: ({ random }) => COMPLETION_MS * random(),
        callback: {
          ...CALLBACK,
          authUrl: `${serviceUrl}/callbacks/atlas/token`,
          callbackUrl: `${serviceUrl}/callbacks/atlas`,
        },
      },
    });
    started.push(() => simulators.stop());
    const { ATLAS_CLIENT_ID = '', ATLAS_CLIENT_SECRET = '', ...others } = simulators.environment;
    const secrets = createSecretsFolder({
      REDIS_URL: redis.url,
      ATLAS_CLIENT_ID,
      ATLAS_CLIENT_SECRET,
      CALLBACK_CLIENT_ID: CALLBACK.clientId,
      CALLBACK_CLIENT_SECRET: CALLBACK.clientSecret,
      COMPLETION_WEBHOOK_URL: webhookUrl,
      COMPLETION_WEBHOOK_SECRET: 'webhook-secret-of-this-trial',
      DASHBOARD_USER: 'operator',
      DASHBOARD_PASSWORD: 'password-of-this-trial',
      API_TOKENS: apiTokenLine,
    });
    started.push(() => secrets.remove());
    return {
      redisUrl: redis.url,
      serviceUrl,
      simulators,
      secrets,
      /** Servers that the Service leads to. */
      ready,
      /** Of the events that the webhook got. */
      deliveries,
      /** What the pods are given besides their manifests. */
      environment: { ...others, POLL_MAX_MS },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

export type LocalCluster = Awaited<ReturnType<typeof startLocalCluster>>;

/** Leads to the pods that are ready, in turn. */
function createService(ready: readonly Pod[]): Server {
  let turn = 0;
  return createServer((request, response) => {
    turn += 1;
    const pod = ready[turn % ready.length];
    if (pod === undefined) return response.writeHead(503).end();
    const { method, url: path, headers } = request;
    const to = { host: pod.address, port: pod.port('http'), method, path, headers };
    const forwarded = httpRequest(to, (answered) => {
      response.writeHead(answered.statusCode ?? 502, answered.headers);
      answered.pipe(response);
    });
    forwarded.on('error', () => response.destroy());
    return request.pipe(forwarded);
  });
}

async function listen(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return `http://127.0.0.1:${address.port}`;
}
