/** Atlas's callbacks: a token from `auth_url`, then every page of a batch that is complete. */
import { Agent, request } from 'undici';
import * as z from 'zod';
import { type Random, randomFrom } from '../random.js';
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
  counts: CallbackCounts = { delivered: 0, dropped: 0, failed: 0 };
  readonly #random: Random;
  readonly #planned = new Map<string, { timer: NodeJS.Timeout; call: () => void }>();
  readonly #agent = new Agent({ headersTimeout: TIMEOUT_MS, bodyTimeout: TIMEOUT_MS });

  constructor(
    private readonly batches: AtlasBatches,
    /** Of batches submitted from now on. */
    public options: CallbackOptions | undefined,
    private readonly perPage: number,
    seed: number,
  ) {
    this.#random = randomFrom(seed);
  }

  /** Plans the callback of a batch just submitted. */
  plan(batch: AtlasBatch): void {
    const { options } = this;
    if (options === undefined) return;
    if (this.#random() < (options.dropRate ?? 0)) {
      this.counts.dropped += 1;
      return;
    }
    const afterMs = this.batches.completeAfterMs(batch.batchId) + (options.delayMs ?? 0);
    const call = () => this.#call(batch, options);
    const timer = setTimeout(call, Math.max(0, afterMs));
    this.#planned.set(batch.batchId, { timer, call });
  }

  /** Makes the callback of a batch at once that was completed by hand. */
  hasten(batchId: string | undefined): void {
    const chosen = batchId === undefined ? [...this.#planned.keys()] : [batchId];
    for (const id of chosen) this.#planned.get(id)?.call();
  }

  /** Forgets what is planned and counted. */
  reset(options: CallbackOptions | undefined): void {
    for (const { timer } of this.#planned.values()) clearTimeout(timer);
    this.#planned.clear();
    this.counts = { delivered: 0, dropped: 0, failed: 0 };
    this.options = options;
  }

  async stop(): Promise<void> {
    this.reset(undefined);
    await this.#agent.destroy();
  }

  async #call(batch: AtlasBatch, options: CallbackOptions): Promise<void> {
    clearTimeout(this.#planned.get(batch.batchId)?.timer);
    this.#planned.delete(batch.batchId);
    try {
      await this.#deliver(batch, options);
      this.counts.delivered += 1;
    } catch {
      this.counts.failed += 1;
    }
  }

  async #deliver(batch: AtlasBatch, options: CallbackOptions): Promise<void> {
    const credentials = { 'client-id': options.clientId, 'client-secret': options.clientSecret };
    const answer = await this.#post(options.authUrl, credentials);
    const { access_token: token } = TOKEN_ANSWER.parse(JSON.parse(answer));
    const total = this.batches.visible(batch.batchId, performance.now()).length;
    for (let page = 1; page <= Math.max(1, Math.ceil(total / this.perPage)); page += 1) {
      const body = pageText(this.batches, {
        batch,
        page,
        saidFirstPage: 1,
        perPage: this.perPage,
        now: performance.now(),
        totalItems: true,
      });
      const headers = { token, 'content-type': 'application/json' };
      await this.#post(options.callbackUrl, headers, body);
    }
  }

  async #post(url: string, headers: Record<string, string>, body = ''): Promise<string> {
    const options = { dispatcher: this.#agent, method: 'POST', headers, body } as const;
    const answer = await request(url, options);
    const text = await answer.body.text();
    if (answer.statusCode >= 300) throw new Error(`callback refused with ${answer.statusCode}`);
    return text;
  }
}
