/** A results object to be sent to S3, with its length and checksum, which go before its bytes. */
import { createHash, getFips, hash } from 'node:crypto';
import { Readable } from 'node:stream';

export interface ResultBody {
  byteLength: number;
  /** `Content-MD5`: S3 refuses what was damaged on the way. Null where MD5 is forbidden (FIPS). */
  contentMd5: string | null;
  /** The bytes, from the start at every call. */
  open(): Uint8Array | Readable;
}

/** Up to this size one buffer is cheapest. Above, a second copy of all extracts is too much. */
const STREAM_FROM_CHARACTERS = 1024 * 1024;
/** Pieces of this size are worth a write. */
const CHUNK_CHARACTERS = 64 * 1024;

export function toResultBody(source: Uint8Array | Iterable<string>): ResultBody {
  if (source instanceof Uint8Array) return inOnePiece(source);
  const parts = [...source];
  const characters = parts.reduce((sum, part) => sum + part.length, 0);
  if (characters <= STREAM_FROM_CHARACTERS) return inOnePiece(Buffer.from(parts.join('')));
  return {
    byteLength: parts.reduce((sum, part) => sum + Buffer.byteLength(part), 0),
    contentMd5: isMd5Allowed() ? md5(parts) : null,
    open: () => Readable.from(encode(parts), { objectMode: false }),
  };
}

function inOnePiece(bytes: Uint8Array): ResultBody {
  return {
    byteLength: bytes.byteLength,
    contentMd5: isMd5Allowed() ? hash('md5', bytes, 'base64') : null,
    open: () => bytes,
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

function md5(parts: readonly string[]): string {
  const whole = createHash('md5');
  for (const part of parts) whole.update(part);
  return whole.digest('base64');
}

function isMd5Allowed(): boolean {
  return getFips() === 0;
}
