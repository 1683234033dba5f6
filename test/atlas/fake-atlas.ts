import type { IncomingMessage, ServerResponse } from 'node:http';
import { onTestFinished } from 'vitest';
import { type AtlasClient, createAtlasClient } from '../../src/atlas/client.js';
import type { AtlasClientOptions } from '../../src/atlas/client-options.js';
import { bodyOf, json, startHttp } from './test-server.js';

const CLIENT_ID = 'canary-client-id';
const CLIENT_SECRET = 'canary-client-secret';

export interface Received {
  path: string;
  token: string | undefined;
  body: string;
}

type Responder = (request: IncomingMessage, response: ServerResponse) => void;

/** A small Atlas that honours only its newest token and records what it receives. */
export class FakeAtlas {
  readonly received: Received[] = [];
  url = '';
  /** What the endpoints answer after the token was checked; the defaults are good responses. */
  onUpload: Responder = (_request, response) => json(response, { batch_id: 'BATCH-1' });
  onPage: Responder = (request, response) => {
    const page = Number(new URL(request.url ?? '', 'http://x').searchParams.get('page'));
    json(response, { data: [], page, has_next: false });
  };
  onToken: Responder = (_request, response) => json(response, { access_token: this.newToken() });
  private tokens = 0;
  private newest = '';

  static async start(): Promise<FakeAtlas> {
    const atlas = new FakeAtlas();
    atlas.url = await startHttp((request, response) => void atlas.respond(request, response));
    return atlas;
  }

  /** From now on no token is honoured but a new one. */
  expireToken(): void {
    this.newest = '';
  }

  newToken(): string {
    this.tokens += 1;
    this.newest = `canary-token-${this.tokens}`;
    return this.newest;
  }

  /** How many requests came to an endpoint. */
  count(endpoint: 'authtoken' | 'multiupload' | 'extracts'): number {
    return this.received.filter(({ path }) => path.startsWith(`/v1/docstream/${endpoint}`)).length;
  }

  private async respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url ?? '';
    const token = request.headers.token;
    const body = await bodyOf(request);
    this.received.push({ path, token: Array.isArray(token) ? token[0] : token, body });
    const { 'client-id': id, 'client-secret': secret } = request.headers;
    if (request.method === 'POST' && path === '/v1/docstream/authtoken') {
      if (id === CLIENT_ID && secret === CLIENT_SECRET) this.onToken(request, response);
      else json(response, 'canary-body', 401);
    } else if (token !== this.newest) {
      json(response, 'canary-body', 401);
    } else if (request.method === 'POST' && path === '/v1/docstream/multiupload') {
      this.onUpload(request, response);
    } else if (request.method === 'GET' && path.startsWith('/v1/docstream/extracts?')) {
      this.onPage(request, response);
    } else {
      json(response, 'canary-body', 404);
    }
  }
}

/** Collects what is logged. */
export function logSink(): { lines: string[]; logger: AtlasClientOptions['logger'] } {
  const lines: string[] = [];
  const write = (fields: object, message: string) => {
    lines.push(`${message} ${JSON.stringify(fields)}`);
  };
  return { lines, logger: { debug: write, info: write, warn: write, error: write } };
}

export const RIGHT = () => ({ clientId: CLIENT_ID, clientSecret: CLIENT_SECRET });
/** Credentials that Atlas does not know. */
export const WRONG = () => ({ clientId: CLIENT_ID, clientSecret: 'canary-wrong' });

/** The client of one more process, closed with the test. */
export function clientOf(atlas: FakeAtlas, options: Partial<AtlasClientOptions> = {}): AtlasClient {
  const client = createAtlasClient({
    baseUrl: atlas.url,
    credentials: RIGHT,
    timeoutMs: 5_000,
    connections: 20,
    keyPrefix: '{t}',
    maxRequestsPerSecond: 0,
    logger: logSink().logger,
    ...options,
  });
  onTestFinished(() => client.close());
  return client;
}
