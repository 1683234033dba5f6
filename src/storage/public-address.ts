/** Whether Atlas can reach the store by the URLs that it gets. */
import { isLoopback } from '../http/proxy.js';
import type { ObjectStore } from './object-store.js';

/**
 * What is wrong with the store's address, and what to do; undefined when it may be right. An address of
 * this machine means another store, or none, to an Atlas elsewhere.
 */
export async function publicAddressIssue(
  store: ObjectStore,
  atlasBaseUrl: string,
): Promise<string | undefined> {
  const atlas = new URL(atlasBaseUrl);
  if (isLoopback(atlas.hostname)) return undefined;
  // Whoever uses the store says what is wrong with credentials or region.
  const origin = await store.publicOrigin(store.resultsBucket).catch(() => undefined);
  if (origin === undefined || !isLoopback(new URL(origin).hostname)) return undefined;
  return `Atlas at ${atlas.host} gets URLs at ${origin}, which it cannot reach; set S3_PUBLIC_ENDPOINT_URL to the address that Atlas knows the store by`;
}
