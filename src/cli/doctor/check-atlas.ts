import type { Redis } from 'ioredis';
import { createAtlasClient } from '../../atlas/client.js';
import type { Config } from '../../config/config.js';
import { proxiesOf } from '../../config/proxy-fields.js';
import { BatchError } from '../../errors.js';
import { createLogger } from '../../logging.js';
import type { Finding } from './finding.js';

const CREDENTIALS =
  'correct ATLAS_CLIENT_ID and ATLAS_CLIENT_SECRET, or ATLAS_BASE_URL where they are right';
const ADDRESS = 'correct ATLAS_BASE_URL; it is what stands before /v1/docstream';
const REACH = 'correct ATLAS_BASE_URL, or let this host reach it';

/**
 * Checks that Atlas gives a token for our credentials. Where Redis is there, the token is shared with
 * the workers by it: an Atlas that honours only the newest token would else end theirs.
 */
export async function checkAtlas(config: Config, redis: Redis | undefined): Promise<Finding> {
  const atlas = createAtlasClient({
    baseUrl: config.ATLAS_BASE_URL,
    credentials: () => ({
      clientId: config.ATLAS_CLIENT_ID,
      clientSecret: config.ATLAS_CLIENT_SECRET,
    }),
    timeoutMs: config.ATLAS_TIMEOUT_MS,
    proxies: proxiesOf(config),
    connections: 1,
    keyPrefix: config.QUEUE_PREFIX,
    maxRequestsPerSecond: config.ATLAS_MAX_REQUESTS_PER_SECOND,
    logger: createLogger('silent'),
    ...(redis ? { redis } : {}),
  });
  try {
    await atlas.checkCredentials();
    return { level: 'ok', subject: 'Atlas', text: `${config.ATLAS_BASE_URL} gives a token` };
  } catch (error) {
    // An error that knows what to do says so after its first semicolon.
    const message = error instanceof Error ? error.message : String(error);
    const [text = '', ...advice] = message.split('; ');
    // The token is shared by Redis, which may have gone meanwhile.
    if (text.startsWith('Redis ')) return { level: 'error', subject: 'Redis', text: message };
    return { level: 'error', subject: 'Atlas', text, fix: advice.join('; ') || fixFor(error) };
  } finally {
    await atlas.close();
  }
}

function fixFor(error: unknown): string {
  if (!(error instanceof BatchError)) return 'see what it says';
  if (error.code === 'ATLAS_AUTH') return CREDENTIALS;
  // A response that is not one of Atlas: it is another server or another path.
  return error.code === 'ATLAS_PROTOCOL' ? ADDRESS : REACH;
}
