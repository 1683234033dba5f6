/** Atlas's callbacks: a token from `auth_url`, then every page of a batch that is complete. */
import { Agent, type Dispatcher } from 'undici';
import * as z from 'zod';
import { randomFrom } from '../random.js';
import type { AtlasBatch, AtlasBatches } from './atlas-batches.js';
import { pageText } from './pages.js';

const TIMEOUT_MS = 10_000;
const TOKEN_ANSWER = z.object({ access_token: z.string() });

export interface CallbackOptions {
  authUrl: string;
  callbackUrl: string;
  clientId: string;
  clientSecret: string;
  /** From completion to the callback. Default 0. */
  delayMs?: number | undefined;
  /** Share of batches for which no callback is made, in [0, 1]. Default 0. */
  dropRate?: number | undefined;
}

/** The callbacks so far, by batch and result. */
export interface CallbackCounts {
  delivered: number;
  dropped: number;
  failed: number;
}

export class Callbacks {
  readonly counts: CallbackCounts = { delivered: 0, dropped: 0, failed: 0 };
  readonly #batches: AtlasBatches;
  readonly #perPage: number;
  readonly #random: () => number;
  readonly #planned = new Map<string, { timer: NodeJS.Timeout; call: () => void }>();
  readonly #agent = new Agent({ headersTimeout: TIMEOUT_MS, bodyTimeout: TIMEOUT_MS });
  #options: CallbackOptions | undefined;

  constructor(
    batches: AtlasBatches,
    options: CallbackOptions | undefined,
    { perPage, seed }: { perPage: number; seed: number },
  ) {
    this.#batches = batches;
    this.#options = options;
    this.#perPage = perPage;
    this.#random = randomFrom(seed);
  }

  /** Takes effect for batches submitted from now on. */
  set(options: CallbackOptions | undefined): void {
    this.#options = options;
  }

  /** Plans the callback of a batch just submitted. */
  plan(batch: AtlasBatch): void {
    const options = this.#options;
    if (options === undefined) return;
    if (this.#random() < (options.dropRate ?? 0)) {
      this.counts.dropped += 1;
      return;
    }
    const afterMs = this.#batches.completeAfterMs(batch.batchId) + (options.delayMs ?? 0);
    const call = () => this.#call(batch, options);
    const timer = setTimeout(call, Math.max(0, afterMs));
    this.#planned.set(batch.batchId, { timer, call });
  }

  /** Makes the callback of a batch at once that was completed by hand. */
  hasten(batchId: string | undefined): void {
    const chosen = batchId === undefined ? [...this.#planned.keys()] : [batchId];
    for (const id of chosen) this.#planned.get(id)?.call();
  }

  async stop(): Promise<void> {
    for (const { timer } of this.#planned.values()) clearTimeout(timer);
    this.#planned.clear();
    await this.#agent.destroy();
  }

  #call(batch: AtlasBatch, options: CallbackOptions): void {
    clearTimeout(this.#planned.get(batch.batchId)?.timer);
    this.#planned.delete(batch.batchId);
    this.#deliver(batch, options).then(
      () => {
        this.counts.delivered += 1;
      },
      () => {
        this.counts.failed += 1;
      },
    );
  }

  async #deliver(batch: AtlasBatch, options: CallbackOptions): Promise<void> {
    const { clientId, clientSecret } = options;
    const credentials = { 'client-id': clientId, 'client-secret': clientSecret };
    const answer = await this.#post(options.authUrl, credentials);
    const { access_token: token } = TOKEN_ANSWER.parse(await answer.json());
    const total = this.#batches.visible(batch.batchId, performance.now()).length;
    for (let page = 1; page <= Math.max(1, Math.ceil(total / this.#perPage)); page += 1) {
      const body = pageText(this.#batches, {
        batch,
        page,
        perPage: this.#perPage,
        now: performance.now(),
        totalItems: true,
        fault: undefined,
      });
      const posted = await this.#post(
        options.callbackUrl,
        { token, 'content-type': 'application/json' },
        body,
      );
      await posted.dump();
    }
  }

  async #post(
    url: string,
    headers: Record<string, string>,
    body?: string,
  ): Promise<Dispatcher.ResponseData['body']> {
    const { origin, pathname, search } = new URL(url);
    const answer = await this.#agent.request({
      origin,
      path: pathname + search,
      method: 'POST',
      headers,
      body: body ?? null,
    });
    if (answer.statusCode >= 300) {
      await answer.body.dump();
      throw new Error(`callback refused with ${answer.statusCode}`);
    }
    return answer.body;
  }
}
