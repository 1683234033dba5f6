/** A results object to be sent to S3, with its length and checksums, which go before its bytes. */
import { createHash, getFips, hash } from 'node:crypto';
import { Readable } from 'node:stream';
import { inTurn } from '../../turns.js';

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
/** What is walked without a pause: some milliseconds. */
const PIECE_CHARACTERS = 1024 * 1024;
/** Pieces of this size are worth a write. */
const CHUNK_CHARACTERS = 64 * 1024;

/** @param parts The text in pieces. They are walked several times, for no copy of them is kept. */
export async function toResultBody(parts: Iterable<string>): Promise<ResultBody> {
  const start: string[] = [];
  let characters = 0;
  let byteLength = 0;
  await walk(parts, (part) => {
    characters += part.length;
    byteLength += Buffer.byteLength(part);
    if (characters <= STREAM_FROM_CHARACTERS) start.push(part);
  });
  if (characters <= STREAM_FROM_CHARACTERS) {
    const bytes = Buffer.from(start.join(''));
    const contentMd5 = hasMd5() ? hash('md5', bytes, 'base64') : null;
    return { byteLength, contentMd5, sha256: hash('sha256', bytes, 'hex'), open: () => bytes };
  }
  const md5 = hasMd5() ? createHash('md5') : null;
  const sha256 = createHash('sha256');
  await walk(parts, (part) => {
    md5?.update(part);
    sha256.update(part);
  });
  return {
    byteLength,
    contentMd5: md5?.digest('base64') ?? null,
    sha256: sha256.digest('hex'),
    open: () => Readable.from(encode(parts), { objectMode: false }),
  };
}

/** Visits all parts; from the second piece on, each waits for its turn. */
async function walk(parts: Iterable<string>, visit: (part: string) => void): Promise<void> {
  const iterator = parts[Symbol.iterator]();
  const walkPiece = (): boolean => {
    for (let characters = 0; characters < PIECE_CHARACTERS; ) {
      const { done, value } = iterator.next();
      if (done) return true;
      visit(value);
      characters += value.length;
    }
    return false;
  };
  for (let atEnd = walkPiece(); !atEnd; ) atEnd = await inTurn(PIECE_CHARACTERS, walkPiece);
}

function hasMd5(): boolean {
  return getFips() === 0;
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
