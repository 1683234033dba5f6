/**
 * The text of a body, of a response or a callback: decompressed, though nobody asked for compression, and
 * decoded from the charset that its `Content-Type` names. Without one, or with one that nobody knows, it is UTF-8; and what is no
 * UTF-8 either is taken for windows-1252, in which all bytes are text.
 *
 * Headers are believed less than bytes: servers name a compression that a proxy has undone, a charset
 * in the place of one, or the charset that they have as a default. Our bodies are JSON or XML, so their
 * first characters are ASCII.
 */
import zlib from 'node:zlib';

/** What a response or a callback says of its body; several headers of one name are joined as HTTP does. */
export interface BodyHeaders {
  contentType: string;
  contentEncoding: string;
}

interface Limits {
  /** The largest body, also when it is decompressed. */
  maxBytes: number;
  /** The body may end early or be damaged: what can be read of it is enough. */
  partial: boolean;
}

export interface BodyText {
  text: string;
  /** No charset was named in which the bytes are text: letters beyond ASCII may be wrong. */
  guessed: boolean;
}

type Decompress = (bytes: Buffer, options: zlib.ZlibOptions & zlib.BrotliOptions) => Buffer;

/** "deflate" is zlib's format (RFC 9110); some servers send the bare stream. */
const inflate: Decompress = (bytes, options) =>
  ((bytes[0] ?? 0) & 0x0f) === 8
    ? zlib.inflateSync(bytes, options)
    : zlib.inflateRawSync(bytes, options);

const isGzip = (bytes: Buffer) => bytes[0] === 0x1f && bytes[1] === 0x8b;
/** RFC 1950: deflate with its usual window, and two bytes that are a multiple of 31. */
const isZlib = (bytes: Buffer) =>
  bytes[0] === 0x78 && bytes.length > 1 && bytes.readUInt16BE(0) % 31 === 0;
/**
 * By its first bytes: servers forget the header, and proxies forget to take it away. No JSON and no XML begins
 * like one of these. Brotli and a bare deflate stream have no mark.
 */
const decompressMarked: Decompress = (bytes, options) => {
  if (isGzip(bytes)) return zlib.gunzipSync(bytes, options);
  return isZlib(bytes) ? zlib.inflateSync(bytes, options) : bytes;
};

const DECOMPRESS: Readonly<Record<string, Decompress | undefined>> = {
  gzip: decompressMarked,
  'x-gzip': decompressMarked,
  deflate: inflate,
  br: zlib.brotliDecompressSync,
  /** From Node 22.15. */
  zstd: Reflect.get(zlib, 'zstdDecompressSync'),
  identity: (bytes) => bytes,
};
const FLUSHES: Readonly<Record<string, number>> = {
  br: zlib.constants.BROTLI_OPERATION_FLUSH,
  zstd: 1,
};

/** One for all responses: making it costs more than a small response's text. */
const UTF8 = new TextDecoder('utf-8', { fatal: true });
const LOOSE_UTF8 = new TextDecoder('utf-8');
/** What ISO-8859-1 and ASCII are called, too. */
const WINDOWS_1252 = 'windows-1252';
/** Charsets that servers name by default. UTF-16 is known by its bytes. */
const DOUBTFUL = /^(windows-1252|utf-16.*)$/;
/** How JSON and XML begin; no compressed body does, but by chance. */
const TEXT_START = /^(\xef\xbb\xbf)?\s*[{["<]/;
const START_BYTES = 64;

/** What a body says that it is. `other`: neither, or nothing is said. */
export type BodyForm = 'json' | 'web-page' | 'other';

export function formOf({ contentType }: BodyHeaders): BodyForm {
  if (/^\s*(text\/html|application\/xhtml\+xml)\b/i.test(contentType)) return 'web-page';
  return /^\s*[\w-]+\/([\w.-]+\+)?json\b/i.test(contentType) ? 'json' : 'other';
}

/** Whether a body may become many times as large, by its first bytes or what is said of it. */
export function mayBeCompressed(start: Buffer, { contentEncoding }: BodyHeaders): boolean {
  return contentEncoding !== '' || isGzip(start) || isZlib(start);
}

/**
 * @throws Error when the bytes are not what the headers say; its code is `ERR_BUFFER_TOO_LARGE` when
 *   they are too many once decompressed.
 */
export function bodyText(bytes: Buffer, headers: BodyHeaders, limits: Limits): BodyText {
  const whole = decompress(bytes, headers.contentEncoding, limits);
  return decode(whole, headers.contentType, !limits.partial);
}

/** @throws as {@link bodyText}. @param encodings As `Content-Encoding` has them; may be empty. */
function decompress(bytes: Buffer, encodings: string, { maxBytes, partial }: Limits): Buffer {
  if (bytes.length === 0) return bytes;
  // Two who compress it may name it once, or not at all.
  const codings = ['gzip', ...encodings.toLowerCase().split(',')];
  return codings.reduceRight((body, name) => {
    const coding = name.trim();
    const flush = FLUSHES[coding] ?? zlib.constants.Z_SYNC_FLUSH;
    const options = { maxOutputLength: maxBytes, ...(partial && { finishFlush: flush }) };
    try {
      const decoder = coding === '' ? decompressMarked : DECOMPRESS[coding];
      if (decoder === undefined) throw new Error('an unknown content coding');
      return decoder(body, options);
    } catch (error) {
      if (TEXT_START.test(body.toString('latin1', 0, START_BYTES))) return body;
      throw error;
    }
  }, bytes);
}

function decode(bytes: Buffer, contentType: string, fatal: boolean): BodyText {
  const [, label = 'utf-8'] = /;\s*charset\s*=\s*"?([^\s;"]+)/i.exec(contentType) ?? [];
  const named = /^utf-?8$/i.test(label) ? null : decoderOf(label, fatal);
  const utf16 = utf16Of(bytes);
  if (utf16) return { text: wholeText(new TextDecoder(utf16, { fatal }), bytes), guessed: false };
  // What is UTF-8 with letters beyond ASCII is hardly ever text of one byte a letter.
  const isDoubtful = named === null || DOUBTFUL.test(named.encoding);
  if (!isDoubtful) return { text: wholeText(named, bytes), guessed: false };
  try {
    return { text: (fatal ? UTF8 : LOOSE_UTF8).decode(bytes), guessed: false };
  } catch {
    const guessed = named?.encoding !== WINDOWS_1252;
    return { text: wholeText(new TextDecoder(WINDOWS_1252), bytes), guessed };
  }
}

/** The byte order mark, or the empty half of an ASCII character, which begins every body of ours. */
function utf16Of([first, second]: Buffer): 'utf-16le' | 'utf-16be' | undefined {
  if ((first === 0xff && second === 0xfe) || (first && second === 0)) return 'utf-16le';
  if ((first === 0xfe && second === 0xff) || (first === 0 && second)) return 'utf-16be';
  return undefined;
}

/** In one call, Node 20 takes windows-1252 for ISO-8859-1. */
function wholeText(decoder: typeof UTF8, bytes: Buffer): string {
  return decoder.decode(bytes, { stream: true }) + decoder.decode();
}

function decoderOf(label: string, fatal: boolean): typeof UTF8 | null {
  try {
    return new TextDecoder(label, { fatal });
  } catch {
    return null;
  }
}
