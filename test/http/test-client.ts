/** A client of HTTP for one test. */
import { onTestFinished } from 'vitest';
import { createHttp, type Http } from '../../src/http/host-client.js';

const LONG_MS = 5_000;
export const GET = { method: 'GET', path: '/x?a=b', headers: {} } as const;

export function http(
  baseUrl: string,
  options: { timeoutMs?: number; connections?: number; bodies?: 'of-error' } = {},
): Http {
  const client = createHttp({ baseUrl, timeoutMs: LONG_MS, connections: 4, ...options });
  onTestFinished(() => client.close());
  return client;
}
