/** All checks that need a connection. Those that do not need each other run at the same time. */
import type { Config } from '../../config/config.js';
import { openLink } from '../../redis/client-link.js';
import { connectionOptions } from '../../redis/connection/connect.js';
import { targetOf } from '../../redis/connection/target.js';
import { checkAtlas } from './check-atlas.js';
import { checkClock } from './check-clock.js';
import { checkRedis } from './check-redis.js';
import { checkS3 } from './check-s3.js';
import { checkWebhook } from './check-webhook.js';
import type { Finding } from './finding.js';

export async function checkConnections(config: Config): Promise<Finding[]> {
  const link = openLink(connectionOptions(targetOf(config), config.QUEUE_PREFIX));
  try {
    const [redis, s3, webhook] = await Promise.all([
      checkRedis(link, config),
      checkS3(config),
      checkWebhook(config),
    ]);
    const atlas = await checkAtlas(config, redis.isUsable ? link.redis : undefined);
    const clock = checkClock([...redis.clocks, ...s3.clocks]);
    return [...redis.findings, ...s3.findings, atlas, ...(webhook ? [webhook] : []), ...clock];
  } finally {
    link.close();
  }
}
