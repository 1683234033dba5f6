/** A results object to be sent to S3, with its length and checksums, which go before its bytes. */
import { createHash, getFips, hash } from 'node:crypto';
import { Readable } from 'node:stream';

export interface ResultBody {
  byteLength: number;
  /** `Content-MD5`: S3 refuses what was damaged on the way. Null where MD5 is forbidden (FIPS). */
  contentMd5: string | null;
  /** In hex: the signature covers it. A bucket may refuse what is signed without its payload. */
  sha256: string;
  /** The bytes, from the start at every call. */
  open(): Uint8Array | Readable;
}

/** Up to this size one buffer is cheapest. Above, a second copy of all extracts is too much. */
const STREAM_FROM_CHARACTERS = 1024 * 1024;
/** Pieces of this size are worth a write. */
const CHUNK_CHARACTERS = 64 * 1024;

/** @param parts The text in pieces. They are walked several times, for no copy of them is kept. */
export function toResultBody(parts: Iterable<string>): ResultBody {
  const start: string[] = [];
  let characters = 0;
  let byteLength = 0;
  for (const part of parts) {
    characters += part.length;
    byteLength += Buffer.byteLength(part);
    if (characters <= STREAM_FROM_CHARACTERS) start.push(part);
  }
  if (characters <= STREAM_FROM_CHARACTERS) {
    const bytes = Buffer.from(start.join(''));
    return { byteLength, ...digestsOf([bytes]), open: () => bytes };
  }
  return {
    byteLength,
    ...digestsOf(parts),
    open: () => Readable.from(encode(parts), { objectMode: false }),
  };
}

function* encode(parts: Iterable<string>): Generator<Buffer> {
  let pending = '';
  for (const part of parts) {
    pending += part;
    if (pending.length >= CHUNK_CHARACTERS) {
      yield Buffer.from(pending);
      pending = '';
    }
  }
  if (pending !== '') yield Buffer.from(pending);
}

function digestsOf(parts: Iterable<string | Uint8Array>) {
  const contentMd5 = getFips() === 0 ? digestOf(parts, 'md5', 'base64') : null;
  return { contentMd5, sha256: digestOf(parts, 'sha256', 'hex') };
}

function digestOf(
  parts: Iterable<string | Uint8Array>,
  algorithm: string,
  encoding: 'base64' | 'hex',
): string {
  // In one call it takes half the time.
  if (Array.isArray(parts) && parts.length === 1) return hash(algorithm, parts[0], encoding);
  const whole = createHash(algorithm);
  for (const part of parts) whole.update(part);
  return whole.digest(encoding);
}
