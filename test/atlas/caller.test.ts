import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from 'vitest';
import type { Budget } from '../../src/atlas/budget.js';
import { createCaller } from '../../src/atlas/caller.js';
import type { Http } from '../../src/http/host-client.js';
import type { Logger } from '../../src/logging.js';
import { TURN_FROM_BYTES } from '../../src/turns.js';

it('large responses that are there together are read with time for timers in between', async () => {
  const response = { kind: 'response', status: 200, form: 'json', guessed: false, headers: {} };
  const body = 'x'.repeat(TURN_FROM_BYTES);
  const call = createCaller({
    http: { request: async () => ({ ...response, body }) } as unknown as Http,
    budget: { take: async () => {}, responded: () => {} } as unknown as Budget,
    ...{ observer: {}, logger: {} as Logger, now: async () => 0 },
  });
  const order: string[] = [];
  const read = (text: string) => {
    order.push('read');
    setTimeout(() => order.push('timer'), 0);
    // The clock of timers has whole milliseconds.
    for (const end = performance.now() + 2; performance.now() < end; );
    return { ok: true as const, value: text.length };
  };
  const request = { method: 'GET', path: '/', headers: {} } as const;
  const made = {
    endpoint: 'extracts',
    requestClass: 'poll',
    mayWait: false,
    request,
    read,
  } as const;
  expect(await Promise.all([call(made), call(made)])).toEqual([body.length, body.length]);
  await delay(1);
  expect(order).toEqual(['read', 'timer', 'read', 'timer']);
});
