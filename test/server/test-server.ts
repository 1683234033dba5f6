import { onTestFinished } from 'vitest';
import type { Logger } from '../../src/logging.js';
import {
  type AtlasBatchServer,
  type AtlasBatchServerOptions,
  createAtlasBatchServer,
} from '../../src/server/server.js';
import { testRedis } from '../helpers/redis.js';

const silent = () => {};
export const SILENT: Logger = { debug: silent, info: silent, warn: silent, error: silent };

export const LOGIN = { DASHBOARD_USER: 'operator', DASHBOARD_PASSWORD: 'correct horse' };
export const AUTHORIZATION = `Basic ${Buffer.from('operator:correct horse').toString('base64')}`;
export const CALLBACKS = {
  CALLBACK_CLIENT_ID: 'atlas',
  CALLBACK_CLIENT_SECRET: 'callback-secret',
};

export interface TestServer {
  server: AtlasBatchServer;
  url: string;
  prefix: string;
}

/** A server on a prefix of its own that does not listen yet; stopped when the test ends. */
export async function createServer(
  environment: Record<string, string> = {},
  options: Omit<AtlasBatchServerOptions, 'environment'> = {},
): Promise<TestServer> {
  const { url, prefix } = testRedis();
  const server = await createAtlasBatchServer({
    logger: SILENT,
    ...options,
    environment: { REDIS_URL: url, QUEUE_PREFIX: prefix, PORT: '0', ...environment },
  });
  onTestFinished(() => server.stop());
  return { server, url: environment.REDIS_URL ?? url, prefix: environment.QUEUE_PREFIX ?? prefix };
}
