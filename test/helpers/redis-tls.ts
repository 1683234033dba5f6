import { readFileSync } from 'node:fs';
import { onTestFinished } from 'vitest';
import { randomPort } from '../../scripts/free-port.js';
import { type PrivateRedis, startPrivateRedis } from '../../scripts/private-redis.js';
import { createAuthority, type TestAuthority } from './certificates.js';

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

/** The same, with the certificate of a client: as variables, and as an app gives it. */
export async function startTlsRedisForClient() {
  const authority = await createAuthority();
  const { redis, url } = await startTlsRedis(authority);
  const { cert, key } = await authority.issue('client');
  const variables = {
    REDIS_URL: url,
    REDIS_TLS_CA_FILE: authority.ca,
    REDIS_TLS_CERT_FILE: cert,
    REDIS_TLS_KEY_FILE: key,
  };
  const [ca, certificate, privateKey] = [authority.ca, cert, key].map((file) => readFileSync(file));
  return { redis, variables, address: { url, tls: { ca, cert: certificate, key: privateKey } } };
}
