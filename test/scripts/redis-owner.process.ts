/** Starts a private Redis, says where, and waits to be killed. Run by private-redis.test.ts. */
import { startPrivateRedis } from '../../scripts/private-redis.js';

const { pid, dir } = await startPrivateRedis();
process.stdout.write(`${JSON.stringify({ pid, dir })}\n`);
setInterval(() => {}, 60_000);
