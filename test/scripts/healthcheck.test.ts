import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Redis } from 'ioredis';
import { expect, onTestFinished, test } from 'vitest';
import { randomPort } from '../../scripts/free-port.js';
import { isConnectedTo } from '../../scripts/healthcheck.mjs';
import { testRedis } from '../helpers/redis.js';

const SCRIPT = fileURLToPath(new URL('../../scripts/healthcheck.mjs', import.meta.url));

const TABLE = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid
   0: 0100007F:18EB 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0
   1: 030012AC:D2F0 020012AC:18EB 01 00000000:00000000 00:00000000 00000000     0
   2: 030012AC:D2F2 020012AC:01BB 06 00000000:00000000 00:00000000 00000000     0
`;

test('the health check sees an established connection by its remote port', () => {
  expect(isConnectedTo(TABLE, 6379)).toBe(true);
  // 443 is only in TIME_WAIT, and 0 is the remote port of one who listens.
  expect(isConnectedTo(TABLE, 443)).toBe(false);
  expect(isConnectedTo(TABLE, 0)).toBe(false);
});

const check = (url: string) =>
  promisify(execFile)(process.execPath, [SCRIPT], { env: { REDIS_URL: url } });

// Images are Linux; elsewhere the kernel has no such table.
test.runIf(existsSync('/proc/net/tcp'))(
  'the health check exits by whether Redis is connected',
  async () => {
    const { url } = testRedis();
    const redis = new Redis(url);
    onTestFinished(() => redis.disconnect());
    await redis.ping();
    await expect(check(url)).resolves.toBeDefined();
    await expect(check(`redis://127.0.0.1:${randomPort()}`)).rejects.toThrow(
      /no connection to Redis/,
    );
  },
);
