import { onTestFinished } from 'vitest';
import {
  type AtlasSimulator,
  type AtlasSimulatorOptions,
  startAtlasSimulator,
} from '../../../src/simulator/index.js';

export interface PageObject {
  data: { document_id: string; file_data: unknown }[];
  page: number;
  per_page: number;
  total_pages: number;
  total_items?: number;
  has_next: boolean;
  has_prev: boolean;
}

export interface AtlasResponse<Body> {
  status: number;
  headers: Headers;
  text: string;
  /** Undefined where the text is not JSON. */
  body: Body;
}

/** A caller of Atlas as its documentation describes one. */
export class AtlasCaller {
  token = '';

  constructor(readonly atlas: AtlasSimulator) {}

  async call<Body>(path: string, init: RequestInit = {}): Promise<AtlasResponse<Body>> {
    const response = await fetch(`${this.atlas.url}/v1/docstream/${path}`, {
      redirect: 'manual',
      ...init,
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, text, body: parsed(text) as Body };
  }

  async logIn(clientId = this.atlas.clientId, clientSecret = this.atlas.clientSecret) {
    const headers = { 'Client-Id': clientId, 'Client-Secret': clientSecret };
    const response = await this.call<{ access_token: string }>('authtoken', {
      method: 'POST',
      headers,
    });
    if (response.status === 200) this.token = response.body?.access_token ?? '';
    return response;
  }

  upload(documentIds: string[], more: { body?: unknown; type?: string; urls?: string[] } = {}) {
    const { urls = [] } = more;
    const body = more.body ?? {
      product_type: 'LOAN_APP',
      file_urls: documentIds.map((document_id, index) => ({
        file_url: urls[index] ?? 'http://127.0.0.1:9/not-fetched',
        document_id,
      })),
    };
    return this.call<{ batch_id: string; document_ids?: string[] }>('multiupload', {
      method: 'POST',
      headers: { Token: this.token, 'Content-Type': more.type ?? 'application/json' },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
  }

  extracts(batchId: string, query = '') {
    return this.call<PageObject>(`extracts?batch_id=${encodeURIComponent(batchId)}${query}`, {
      headers: { Token: this.token },
    });
  }

  /** An accepted upload's batch id. */
  async submit(documentIds: string[]): Promise<string> {
    return (await this.upload(documentIds)).body.batch_id;
  }

  /** Every page, as long as there is a next one. */
  async pages(batchId: string, perPage: number): Promise<PageObject[]> {
    const pages: PageObject[] = [];
    do {
      const query = `&page=${pages.length + 1}&per_page=${perPage}`;
      pages.push((await this.extracts(batchId, query)).body);
    } while (pages.at(-1)?.has_next);
    return pages;
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** An Atlas that believes URLs, and a caller that is logged in. */
export async function startAtlas(options: AtlasSimulatorOptions = {}) {
  const atlas = await startAtlasSimulator({ fetchUrls: false, completionMs: 0, ...options });
  onTestFinished(() => atlas.stop());
  const caller = new AtlasCaller(atlas);
  await caller.logIn();
  return { atlas, caller };
}

export function ids(count: number): string[] {
  return Array.from({ length: count }, (_, index) => String(index + 1).padStart(3, '0'));
}
