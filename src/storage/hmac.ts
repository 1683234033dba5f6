import { hash } from 'node:crypto';

const BLOCK_BYTES = 64;
const DIGEST_BYTES = 32;
/** In hexadecimal. */
const DIGEST_LENGTH = 2 * DIGEST_BYTES;

/**
 * HMAC-SHA256 (RFC 2104) of texts that are all `prefix` and a digest in hexadecimal, by two hashes
 * over buffers that are filled again each time. `createHmac` builds a stream for each text, at
 * twice to three times the cost.
 *
 * @param key at most 64 bytes
 * @param prefix ASCII
 * @returns a function from digest to code, both in hexadecimal
 */
export function hmacOfDigests(key: Uint8Array, prefix: string): (digest: string) => string {
  const digestAt = BLOCK_BYTES + prefix.length;
  const inner = Buffer.alloc(digestAt + DIGEST_LENGTH, 0x36);
  const outer = Buffer.alloc(BLOCK_BYTES + DIGEST_BYTES, 0x5c);
  for (const [i, byte] of key.entries()) {
    inner[i] = byte ^ 0x36;
    outer[i] = byte ^ 0x5c;
  }
  inner.write(prefix, BLOCK_BYTES, 'latin1');
  return (digest) => {
    inner.write(digest, digestAt, 'latin1');
    outer.set(hash('sha256', inner, 'buffer'), BLOCK_BYTES);
    return hash('sha256', outer);
  };
}
