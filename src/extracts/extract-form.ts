/** What two extracts have in common that differ only in how they are written. */
import { createHash, type Hash } from 'node:crypto';
import { eachPlainPart } from '../json-text.js';

/** 96 bits: two extracts of one Atlas batch do not share them by chance. */
const DIGEST_BYTES = 12;

/**
 * Servers of one Atlas may write the same extract differently: one with letters of another script as they are, the next
 * one with their codes.
 */
export function formOfExtract(fileData: string): string {
  const hash = createHash('sha256');
  addForm(hash, fileData);
  return shortDigest(hash);
}

/** The same as a part of something larger. */
export function addForm(hash: Hash, fileData: string): void {
  eachPlainPart(fileData, (part) => hash.update(part));
}

export function shortDigest(hash: Hash): string {
  return hash.digest().toString('base64url', 0, DIGEST_BYTES);
}
