/** Faults of a request as short sentences: every one is named, however many there are. */
import { toRanges } from './index-ranges.js';

export interface Fault {
  /** Where: keys and array indexes. */
  path: (string | number)[];
  message: string;
}

/** Names in a request are a stranger's text: longer ones are cut. */
const MAX_NAME_LENGTH = 64;
/** A hostile request may hold any number of unknown keys; the first hundred kinds are enough. */
const MAX_SENTENCES = 100;

/**
 * One sentence a kind of fault; the same fault of many documents is one sentence with their
 * index ranges (`documents[3,7-12].key is missing`), so 10,000 faulty documents stay readable.
 */
export function describeFaults(faults: readonly Fault[]): string[] {
  const kinds = new Map<string, { fault: Fault; indexes: number[] }>();
  for (const fault of faults) {
    const kind = JSON.stringify([
      fault.path.map((part) => (typeof part === 'number' ? 0 : part)),
      fault.message,
    ]);
    const known = kinds.get(kind) ?? { fault, indexes: [] };
    known.indexes.push(...fault.path.filter((part) => typeof part === 'number'));
    kinds.set(kind, known);
  }
  const sentences = [...kinds.values()].map(
    ({ fault, indexes }) => `${describePath(fault.path, toRanges(indexes))} ${fault.message}`,
  );
  return sentences.length <= MAX_SENTENCES
    ? sentences
    : [
        ...sentences.slice(0, MAX_SENTENCES),
        `and ${sentences.length - MAX_SENTENCES} more kinds of faults`,
      ];
}

function describePath(path: Fault['path'], ranges: string): string {
  if (path.length === 0) return 'the data';
  return path
    .map((part, i) =>
      typeof part === 'number' ? `[${ranges}]` : `${i > 0 ? '.' : ''}${printableName(part)}`,
    )
    .join('');
}

/** A name from outside, safe to print and cut to a readable length. */
function printableName(name: string): string {
  return escapeControls(
    name.length > MAX_NAME_LENGTH ? `${name.slice(0, MAX_NAME_LENGTH)}…` : name,
  );
}

/** Text from outside, safe to print: control characters escaped. */
export function escapeControls(text: string): string {
  return text.replace(
    /[\p{C}\p{Zl}\p{Zp}]/gu,
    (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`,
  );
}
