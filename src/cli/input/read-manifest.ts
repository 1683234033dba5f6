import { readFile } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import type { BatchInput } from '../../client/enqueue.js';
import { errorName, UsageError } from '../../errors.js';
import { shownName } from '../../jobs/request/validation-issues.js';
import { decodeText } from '../../json.js';
import { endOfValue, skipSpace, walkArray, walkObject } from '../../json-text.js';
import { findJsonFault } from './json-fault.js';

/** A list of batches, a batch, its documents, a document, and some more. */
const MAX_DEPTH = 8;

/**
 * Reads a manifest from a file, or from standard input for `-`: one batch, a list of them, or one per
 * line. They are not validated: the client does that and names every issue.
 * @throws UsageError when it cannot be read, or is no text or no JSON, or has a key twice in one object, or
 *   holds no batch.
 */
export async function readManifest(file: string): Promise<BatchInput[]> {
  const what = `the manifest ${file}`;
  const text = await readText(file, what);
  const content = parseOnce(text, what) ?? parseLines(text, what);
  const batches = Array.isArray(content) ? content : [content];
  if (batches.length === 0) throw new UsageError(`${what} holds no batch`);
  return batches;
}

/** Reads what is to be JSON, of any form. @throws UsageError as above. */
// biome-ignore lint/suspicious/noExplicitAny: whoever takes it validates it
export async function readJson(file: string): Promise<any> {
  const text = await readText(file, file);
  const content = parse(text);
  if (content === undefined) throw notJson(text, file);
  return content;
}

/** Windows writes UTF-16, and byte order marks. */
async function readText(file: string, what: string): Promise<string> {
  let bytes: Buffer;
  try {
    bytes = await (file === '-' ? buffer(process.stdin) : readFile(file));
  } catch (error) {
    throw new UsageError(`cannot read ${what} (${errorName(error)})`);
  }
  const text = decodeText(bytes);
  // JSON has no zero byte. UTF-16 without its mark is full of them.
  if (text !== undefined && !text.includes('\0')) return text;
  throw new UsageError(`${what} is not UTF-8, nor UTF-16 with a byte order mark; save it as UTF-8`);
}

function parseLines(text: string, what: string): unknown[] {
  const lines = text.split('\n').map((line, i) => ({ line, number: i + 1 }));
  const filled = lines.filter(({ line }) => line.trim() !== '');
  if (filled.length === 0) return [];
  const first = parse(filled[0]?.line ?? '');
  // A first line that is no JSON by itself begins a text over several lines.
  if (first === undefined) throw notJson(text, what);
  return filled.map(({ line, number }) => {
    const whatLine = `line ${number} of ${what}`;
    const batch = parseOnce(line, whatLine);
    if (batch === undefined) throw notJson(line, whatLine, { isLine: true });
    return batch;
  });
}

function notJson(text: string, what: string, { isLine = false } = {}): UsageError {
  const fault = findJsonFault(text);
  if (fault === undefined) return new UsageError(`${what} is not valid JSON`);
  const place = isLine ? `column ${fault.column}` : `line ${fault.line}, column ${fault.column}`;
  return new UsageError(`${what} is not valid JSON at ${place}: ${fault.text}`);
}

/** As {@link parse}. What is written twice by mistake would be lost without a word. */
function parseOnce(text: string, what: string): unknown {
  const value = parse(text);
  const twice = value === undefined ? undefined : repeatedKey(text);
  if (twice === undefined) return value;
  throw new UsageError(
    `${what} has "${shownName(twice)}" twice in one object, and only the last would count`,
  );
}

/** A key that one object of a JSON text has twice. */
function repeatedKey(text: string): string | undefined {
  let twice: string | undefined;
  const readValue = (at: number, depth: number): number => {
    // What is nested deeper is no manifest, as its check will say.
    if (depth > MAX_DEPTH) return endOfValue(text, at);
    const inner = (from: number) => readValue(from, depth + 1);
    if (text[at] === '[') return walkArray(text, at, inner);
    const keys = new Set<string>();
    return walkObject(text, at, (key, from) => {
      if (keys.has(key)) twice ??= key;
      keys.add(key);
      return inner(from);
    });
  };
  readValue(skipSpace(text, 0), 0);
  return twice;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
