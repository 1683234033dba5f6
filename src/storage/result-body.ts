/** A results object on its way to S3: its length and checksum are needed before its first byte. */
import { createHash, getFips, hash } from 'node:crypto';
import { Readable } from 'node:stream';

export interface ResultBody {
  byteLength: number;
  /** `Content-MD5`, for S3 to refuse what was damaged on the way; null where MD5 is forbidden. */
  contentMd5: string | null;
  /** The bytes, from the start, as often as it is called. */
  open(): Uint8Array | Readable;
}

/** Below, one buffer is cheapest; above, a second copy of all extracts would cost too much. */
const STREAM_FROM_CHARACTERS = 1024 * 1024;
/** Pieces that are worth a write. */
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
