/**
 * Everything that an app in another language needs to try us, in one process: the stand-ins, a worker, and
 * the server with API and dashboard. For tests and demos of others; nothing of it is for production.
 */
import { createToken } from '../../config/api-tokens.js';
import type { Simulators } from '../../simulator/index.js';
import { explainListening } from '../explain-listening.js';
import type { Stoppable } from '../run-until-signal.js';
import { withClient } from '../with-client.js';
import { controlRoutes } from './control-routes.js';
import { startOwnRedis } from './own-redis.js';

export interface WholeSystem extends Stoppable {
  /** What an app needs, beside the variables of the stand-ins. */
  environment: Record<string, string>;
}

/** Documents are done in a second or two: others wait for it. */
const POLL_MIN_MS = '200';
const LOGIN = { DASHBOARD_USER: 'operator', DASHBOARD_PASSWORD: 'simulator-dashboard' };
/** Any of them lets people log in. */
const LOGIN_VARIABLES = [
  'DASHBOARD_USER',
  'DASHBOARD_USER_FILE',
  'DASHBOARD_USERS_FILE',
  'OPERATOR_HEADER',
];

export interface WholeSystemOptions {
  /** Those that point at the stand-ins. */
  environment: Record<string, string>;
  host: string;
  /** Of the server; 0 takes a free one. */
  port: number;
}

/**
 * Starts all of it, or nothing.
 * @throws UsageError that says what to set; RedisUnavailableError when the Redis that is set does not serve.
 */
export async function startWholeSystem(
  simulators: Simulators,
  { environment, host, port }: WholeSystemOptions,
): Promise<WholeSystem> {
  const [{ provideVariables, loadWholeConfig }, workers, servers] = await Promise.all([
    import('../../config/environment.js'),
    import('../../workers/worker.js'),
    import('../../server/server.js'),
  ]);
  const parts: Stoppable[] = [];
  const stop = async () => {
    for (const part of parts.splice(0).reverse()) await part.stop();
  };
  try {
    const given = provideVariables(
      { ...environment, HOST: host, PORT: String(port) },
      { POLL_MIN_MS, LOG_LEVEL: 'silent' },
    );
    // What the person has set is used, and not printed: it may be a secret.
    const made: Record<string, string> = {};
    const isSet = (...names: string[]) => names.some((name) => given[name]);
    if (!isSet('REDIS_URL', 'REDIS_URL_FILE', 'REDIS_SENTINELS')) {
      const redis = await startOwnRedis();
      parts.push(redis);
      Object.assign(made, { REDIS_URL: redis.url });
    } else {
      // Worker and server would wait for it, and their logs, which say so, are silent here.
      await withClient((client) => client.paused());
    }
    if (!isSet(...LOGIN_VARIABLES)) Object.assign(made, LOGIN);
    provideVariables(made);
    if (!isSet('API_TOKENS', 'API_TOKENS_FILE')) {
      const { token, line } = createToken('simulator', 'operate', null);
      provideVariables({ API_TOKENS: line });
      Object.assign(made, { ATLAS_BATCH_TOKEN: token });
    }
    const config = loadWholeConfig();
    const status = new workers.WorkerStatus();
    const server = await servers.createAtlasBatchServer({ worker: status });
    parts.push(server);
    await controlRoutes(server.app, simulators);
    const { url, adminUrl } = await server.listen().catch((error) => {
      throw explainListening(error, { ports: '--server-port', host: '--host' });
    });
    parts.push(await workers.runWorker(config, { status }));
    return {
      environment: {
        ATLAS_BATCH_URL: url,
        ATLAS_BATCH_DASHBOARD: `${adminUrl}/dashboard/batches`,
        ...made,
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
