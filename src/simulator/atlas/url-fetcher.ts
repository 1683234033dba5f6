/** Fetches what pre-signed URLs point at, as Atlas does: each URL exactly as it was signed. */
import pLimit from 'p-limit';
import { Agent } from 'undici';
import { loopbackLookup } from '../loopback-lookup.js';

const CONCURRENCY = 32;
const TIMEOUT_MS = 10_000;
/** Enough to know that an object is there. */
const RANGE = 'bytes=0-1023';
const READ_AT_MOST_BYTES = 65_536;
const OK = 200;
const PARTIAL = 206;
/** An empty object has no first byte, but it is there. */
const EMPTY = 416;

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
      const { statusCode, body } = await this.#agent.request({
        origin,
        path,
        method: 'GET',
        headers: { range: RANGE },
      });
      await body.dump({ limit: READ_AT_MOST_BYTES });
      return statusCode === OK || statusCode === PARTIAL || statusCode === EMPTY;
    } catch {
      return false;
    }
  }
}
