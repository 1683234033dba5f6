/** The body of an upload: taken out of its chunks where it is chunked, and checked. */
import { hash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { crc32 } from 'node:zlib';
import { headerOf } from './canonical-request.js';
import { S3Error } from './s3-xml.js';

const CHECKSUM = 'x-amz-checksum-crc32';
const SHA256_HEX = /^[0-9a-f]{64}$/;

/**
 * The object in a request's body. Checks the signed hash, `Content-MD5` and CRC32 checksums of
 * header or trailer; other checksum algorithms are taken on trust. Throws S3Error.
 */
export function payloadOf(
  raw: Buffer,
  headers: IncomingHttpHeaders,
  payloadHash: string | undefined,
): Buffer {
  const declared = payloadHash ?? headerOf(headers, 'x-amz-content-sha256') ?? '';
  if (declared.startsWith('STREAMING-AWS4-')) {
    throw new S3Error('NotImplemented', 'Signed chunks are not implemented by this stand-in.');
  }
  if (SHA256_HEX.test(payloadHash ?? '') && hash('sha256', raw) !== payloadHash) {
    throw new S3Error(
      'XAmzContentSHA256Mismatch',
      "The provided 'x-amz-content-sha256' header does not match what was computed.",
    );
  }
  const chunked =
    declared === 'STREAMING-UNSIGNED-PAYLOAD-TRAILER' ||
    (headerOf(headers, 'content-encoding') ?? '').includes('aws-chunked');
  const { body, trailers } = chunked ? unchunk(raw) : { body: raw, trailers: new Map() };
  const length = headerOf(headers, 'x-amz-decoded-content-length');
  if (chunked && length !== undefined && Number(length) !== body.length) {
    throw new S3Error('IncompleteBody', 'The request body is not of the declared length.');
  }
  checkDigests(body, headers, trailers.get(CHECKSUM));
  return body;
}

function checkDigests(
  body: Buffer,
  headers: IncomingHttpHeaders,
  trailingCrc: string | undefined,
): void {
  const crc = trailingCrc ?? headerOf(headers, CHECKSUM);
  if (crc !== undefined && crc !== crc32Of(body)) {
    throw new S3Error('BadDigest', 'The CRC32 you specified did not match what we received.');
  }
  const md5 = headerOf(headers, 'content-md5');
  if (md5 !== undefined && md5 !== hash('md5', body, 'base64')) {
    throw new S3Error('BadDigest', 'The Content-MD5 you specified did not match.');
  }
}

function crc32Of(body: Buffer): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(crc32(body));
  return bytes.toString('base64');
}

/** `size[;extension]\r\n bytes \r\n … 0\r\n name:value\r\n … \r\n` */
function unchunk(raw: Buffer): { body: Buffer; trailers: Map<string, string> } {
  const parts: Buffer[] = [];
  let position = 0;
  const line = () => {
    const end = raw.indexOf('\r\n', position);
    if (end < 0) throw new S3Error('IncompleteBody', 'The chunked body ends too early.');
    const text = raw.toString('latin1', position, end);
    position = end + 2;
    return text;
  };
  for (;;) {
    const size = Number.parseInt(line(), 16);
    if (!(size >= 0) || position + size > raw.length) {
      throw new S3Error('IncompleteBody', 'A chunk of the body is malformed.');
    }
    if (size === 0) break;
    parts.push(raw.subarray(position, position + size));
    position += size + 2;
  }
  const trailers = new Map<string, string>();
  while (position < raw.length) {
    const text = line();
    const colon = text.indexOf(':');
    if (colon > 0) trailers.set(text.slice(0, colon).toLowerCase(), text.slice(colon + 1).trim());
  }
  return { body: Buffer.concat(parts), trailers };
}
