import { gzipSync } from 'node:zlib';
import type { Dispatcher } from 'undici';
import { expect, it } from 'vitest';
import { Exchange } from '../../src/http/exchange.js';
import type { HttpResult } from '../../src/http/http-result.js';

const CONTROLLER = {} as Dispatcher.DispatchController;

/** Whether a response that has come is read at once, and the result of reading it. */
async function read(body: Buffer, headers: Record<string, string>) {
  let isRead = false;
  const result = new Promise<HttpResult>((resolve, reject) => {
    const wanted = { policy: 'of-success', startMs: undefined } as const;
    const memory = { hold: () => {} };
    const caller = {
      resolve(value: HttpResult) {
        isRead = true;
        resolve(value);
      },
      reject,
    };
    const exchange = new Exchange(wanted, memory, caller, () => {});
    exchange.onRequestStart(CONTROLLER);
    exchange.onResponseStart(CONTROLLER, 200, headers);
    exchange.onResponseData(CONTROLLER, body);
    exchange.onResponseEnd();
  });
  return { atOnce: isRead, result: await result };
}

const LARGE = JSON.stringify({ text: 'x'.repeat(4 * 1024 * 1024) });

it.each([
  ['said to be gzip', gzipSync(LARGE), { 'content-encoding': 'gzip' }],
  ['gzip, which nobody says', gzipSync(LARGE), {}],
  ['large', Buffer.from(LARGE), {}],
])('a response that is %s waits for its turn, for the sake of locks', async (_, body, headers) => {
  const { atOnce, result } = await read(body, headers);
  expect(atOnce).toBe(false);
  expect(result.kind === 'response' && result.body === LARGE).toBe(true);
});

it('a small response is read at once', async () => {
  expect(await read(Buffer.from('{"a":1}'), {})).toMatchObject({
    atOnce: true,
    result: { body: '{"a":1}' },
  });
});
