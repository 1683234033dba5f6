import fc from 'fast-check';
import { expect, test } from 'vitest';
import { webhookKey, webhookSecretIssue } from '../../src/jobs/webhook-secret.js';

test.each([
  ['whsec_ and base64', `whsec_${Buffer.alloc(24, 7).toString('base64')}`],
  ['whsec_ and base64 without padding', `whsec_${'A'.repeat(34)}`],
  ['24 characters', 'x'.repeat(24)],
  ['any text that is long enough', 'correct horse battery staple'],
])('%s will do as the secret of a webhook', (_, secret) => {
  expect(webhookSecretIssue(secret)).toBeUndefined();
});

test.each([
  ['a short text', 'x'.repeat(23), 'at least 24 characters'],
  ['whsec_ and nothing', 'whsec_', 'at least 24 bytes'],
  ['whsec_ and a short key', `whsec_${Buffer.alloc(23).toString('base64')}`, 'at least 24 bytes'],
  ['whsec_ and no base64', 'whsec_correct horse battery staple', 'base64 after whsec_'],
  ['whsec_ and half a byte', `whsec_${'A'.repeat(33)}`, 'base64 after whsec_'],
])('%s will not do as the secret of a webhook', (_, secret, issue) => {
  expect(webhookSecretIssue(secret)).toContain(issue);
});

test('the key of a secret whsec_ is what was encoded', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 24, maxLength: 64 }), (key) => {
      const secret = `whsec_${Buffer.from(key).toString('base64')}`;
      expect(webhookSecretIssue(secret)).toBeUndefined();
      expect([...webhookKey(secret)]).toEqual([...key]);
    }),
  );
});
