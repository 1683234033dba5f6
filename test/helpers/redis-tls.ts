import { onTestFinished } from 'vitest';
import { randomPort } from '../../scripts/free-port.js';
import { type PrivateRedis, startPrivateRedis } from '../../scripts/private-redis.js';
import type { TestAuthority } from './certificates.js';

/** A Redis that wants certificates of its clients, signed by this authority; `redis.url` is without TLS. */
export async function startTlsRedis({
  ca,
  issue,
}: TestAuthority): Promise<{ redis: PrivateRedis; url: string }> {
  const { cert, key } = await issue('server');
  const port = randomPort();
  const files = ['--tls-ca-cert-file', ca, '--tls-cert-file', cert, '--tls-key-file', key];
  const redis = await startPrivateRedis({
    appendOnly: true,
    args: ['--tls-port', String(port), '--tls-auth-clients', 'yes', ...files],
  });
  onTestFinished(() => redis.stop());
  return { redis, url: `rediss://127.0.0.1:${port}` };
}
