/** A results object on its way to S3: its length and checksum are needed before its first byte. */
import { createHash, getFips } from 'node:crypto';
import { Readable } from 'node:stream';

export interface ResultBody {
  byteLength: number;
  /** `Content-MD5`, for S3 to refuse what was damaged on the way; null where MD5 is forbidden. */
  contentMd5: string | null;
  /** The bytes, from the start, as often as it is called. */
  open(): Uint8Array | Readable;
}

/** Below, one buffer is cheapest; above, a second copy of all extracts would cost too much. */
const STREAM_FROM_BYTES = 1024 * 1024;
/** Pieces that are worth a write. */
const CHUNK_CHARACTERS = 64 * 1024;

export function toResultBody(source: Uint8Array | Iterable<string>): ResultBody {
  const parts = source instanceof Uint8Array ? [source] : [...source];
  const byteLength = parts.reduce((sum, part) => sum + Buffer.byteLength(part), 0);
  if (byteLength > STREAM_FROM_BYTES && !(source instanceof Uint8Array)) {
    return {
      byteLength,
      contentMd5: md5(parts),
      open: () => Readable.from(encode(parts), { objectMode: false }),
    };
  }
  const bytes = source instanceof Uint8Array ? source : Buffer.from(parts.join(''));
  return { byteLength, contentMd5: md5([bytes]), open: () => bytes };
}

function* encode(parts: Iterable<Uint8Array | string>): Generator<Buffer> {
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

function md5(parts: readonly (Uint8Array | string)[]): string | null {
  if (getFips() === 1) return null;
  const hash = createHash('md5');
  for (const part of parts) hash.update(part);
  return hash.digest('base64');
}
