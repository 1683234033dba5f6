import fc from 'fast-check';
import { Webhook } from 'standardwebhooks';
import { expect, test } from 'vitest';
import { webhookKey } from '../../../src/jobs/webhook-secret.js';
import { signWebhook } from '../../../src/workers/webhook/signature.js';

test('a webhook is signed as the specification says', () => {
  const key = webhookKey('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw');
  const webhook = {
    eventId: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
    body: '{"test": 2432232314}',
    nowMs: 1_614_265_330_999,
  };
  expect(signWebhook([key], webhook)).toEqual({
    'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
    'webhook-timestamp': '1614265330',
    'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
  });
});

const EVENT_ID = fc.stringMatching(/^done-[A-Za-z0-9._~%-]{1,40}$/);

test("the specification's library takes every body, id and secret of a webhook, and nothing that was changed", () => {
  fc.assert(
    fc.property(
      fc.json(),
      EVENT_ID,
      fc.uint8Array({ minLength: 24, maxLength: 64 }),
      (body, eventId, bytes) => {
        const secret = `whsec_${Buffer.from(bytes).toString('base64')}`;
        const headers = signWebhook([webhookKey(secret)], { eventId, body, nowMs: Date.now() });
        const webhook = new Webhook(secret);
        expect(webhook.verify(body, { ...headers })).toEqual(JSON.parse(body));
        expect(() => webhook.verify(`${body} `, { ...headers })).toThrow();
      },
    ),
  );
});

test('the secret of a webhook that is no whsec_ is taken as it is', () => {
  const secret = 'correct horse battery staple';
  const headers = signWebhook([webhookKey(secret)], {
    eventId: 'done-1',
    body: '{}',
    nowMs: Date.now(),
  });
  expect(new Webhook(secret, { format: 'raw' }).verify('{}', { ...headers })).toEqual({});
});

test('a webhook is signed twice while its secret is rotated', () => {
  const secrets = ['the secret that was used so far', 'the secret that is used from now on'];
  const signed = { eventId: 'done-1', body: '{}', nowMs: Date.now() };
  const headers = signWebhook(secrets.map(webhookKey), signed);
  for (const secret of secrets) {
    expect(new Webhook(secret, { format: 'raw' }).verify('{}', { ...headers })).toEqual({});
  }
});

test('the id of a webhook holds no full stop, and stands for one event only', () => {
  const idOf = (eventId: string) =>
    signWebhook([Buffer.from('key')], { eventId, body: '', nowMs: 0 })['webhook-id'];
  expect(idOf('done-a.b.c')).toBe('done-a%2Eb%2Ec');
  expect(idOf('done-a-b')).toBe('done-a-b');
});
