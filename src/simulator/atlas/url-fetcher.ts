/** Fetches what pre-signed URLs point at, as Atlas does: each URL exactly as it was signed. */
import { lookup } from 'node:dns';
import type { LookupFunction } from 'node:net';
import pLimit from 'p-limit';
import { Agent } from 'undici';

const CONCURRENCY = 32;
const TIMEOUT_MS = 10_000;
/** Enough to know that an object is there. */
const RANGE = 'bytes=0-1023';
const READ_AT_MOST_BYTES = 65_536;
const OK = 200;
const PARTIAL = 206;
/** An empty object has no first byte, but it is there. */
const EMPTY = 416;

/** Names under `.localhost` are this machine (RFC 6761), also where the resolver does not say so. */
const loopbackLookup: LookupFunction = (hostname, options, callback) => {
  const name = hostname.endsWith('.localhost') ? '127.0.0.1' : hostname;
  lookup(name, options, callback);
};

export class UrlFetcher {
  readonly #agent = new Agent({
    connections: CONCURRENCY,
    headersTimeout: TIMEOUT_MS,
    bodyTimeout: TIMEOUT_MS,
    connect: { lookup: loopbackLookup, timeout: TIMEOUT_MS },
  });
  readonly #limit = pLimit(CONCURRENCY);

  /** Positions of those URLs that could not be fetched. */
  async unfetched(urls: readonly string[]): Promise<number[]> {
    const fetched = await Promise.all(urls.map((url) => this.#limit(() => this.#fetches(url))));
    return fetched.flatMap((done, index) => (done ? [] : [index]));
  }

  async stop(): Promise<void> {
    await this.#agent.destroy();
  }

  async #fetches(url: string): Promise<boolean> {
    try {
      const { origin, host } = new URL(url);
      // A parser would resolve dots and thereby break the signature.
      const path = url.slice(url.indexOf(host) + host.length).replace(/#.*$/, '');
      const headers = { range: RANGE };
      const request = { origin, path, method: 'GET', headers } as const;
      const { statusCode, body } = await this.#agent.request(request);
      await body.dump({ limit: READ_AT_MOST_BYTES });
      return statusCode === OK || statusCode === PARTIAL || statusCode === EMPTY;
    } catch {
      return false;
    }
  }
}
