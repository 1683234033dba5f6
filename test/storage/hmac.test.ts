import { createHash, createHmac } from 'node:crypto';
import fc from 'fast-check';
import { it } from 'vitest';
import { hmacOfDigests } from '../../src/storage/hmac.js';

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

it("gives Node's own codes, for every key, prefix and digest, again and again", () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 64 }),
      fc.string({ unit: 'binary-ascii', maxLength: 200 }),
      fc.array(fc.string(), { minLength: 1, maxLength: 5 }),
      (key, prefix, texts) => {
        const codeOf = hmacOfDigests(key, prefix);
        for (const digest of texts.map(sha256)) {
          const expected = createHmac('sha256', key)
            .update(prefix + digest)
            .digest('hex');
          if (codeOf(digest) !== expected) return false;
        }
        return true;
      },
    ),
  );
});
