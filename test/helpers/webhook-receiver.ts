/** A receiver of webhooks, as an app would have one: it verifies with the specification's library. */
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import { Webhook } from 'standardwebhooks';
import { onTestFinished } from 'vitest';
import { waitUntil } from './wait-until.js';

export const WEBHOOK_SECRET = `whsec_${Buffer.alloc(32, 'webhook-secret').toString('base64')}`;

export interface Delivery {
  id: string;
  timestamp: string;
  body: string;
  /** What the library made of it; it throws for what is not signed as it must be. */
  payload: { type: string; timestamp: string; data: { reference: string | null } };
}

/** A status, perhaps with more, or no response until the receiver is released. */
export type Reply =
  | { status: number; headers?: Record<string, string>; body?: string }
  | 'none until released';

export interface WebhookReceiver {
  readonly url: string;
  readonly port: number;
  /** In order of arrival, answered or not. */
  readonly deliveries: Delivery[];
  readonly faults: unknown[];
  /** Waits for the n-th delivery, from 1. */
  delivery(n: number): Promise<Delivery>;
  /** Answers what waits with 204. */
  release(): void;
}

/**
 * Started for the test that is running, stopped after.
 * @param reply What the n-th delivery is answered with, from 1.
 */
export async function startReceiver(
  reply: (n: number, delivery: Delivery) => Reply = () => ({ status: 204 }),
  port = 0,
): Promise<WebhookReceiver> {
  const deliveries: Delivery[] = [];
  const faults: unknown[] = [];
  const waiting: (() => void)[] = [];
  const server = createServer(async (request, response) => {
    try {
      const delivery = await verify(request);
      deliveries.push(delivery);
      const scripted = reply(deliveries.length, delivery);
      if (scripted === 'none until released') waiting.push(() => response.writeHead(204).end());
      else response.writeHead(scripted.status, scripted.headers).end(scripted.body);
    } catch (fault) {
      faults.push(fault);
      response.destroy();
    }
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    url: `http://127.0.0.1:${address.port}/atlas-events`,
    port: address.port,
    deliveries,
    faults,
    delivery: (n) => waitUntil(`webhook ${n}`, () => deliveries[n - 1]),
    release: () => {
      for (const respond of waiting.splice(0)) respond();
    },
  };
}

async function verify(request: IncomingMessage): Promise<Delivery> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(Buffer.from(chunk));
  const body = Buffer.concat(chunks).toString('utf8');
  const headers = request.headers as Record<string, string>;
  const payload = new Webhook(WEBHOOK_SECRET).verify(body, headers) as Delivery['payload'];
  return {
    id: headers['webhook-id'] ?? '',
    timestamp: headers['webhook-timestamp'] ?? '',
    body,
    payload,
  };
}
