/** Issues of a request as short sentences. */
import { toRanges } from '../index-ranges.js';

export interface ValidationIssue {
  /** Where: keys and array indexes. */
  path: (string | number)[];
  message: string;
}

/** Names in a request come from outside. Longer ones are cut. */
const MAX_NAME_LENGTH = 64;
/** A hostile request may have any number of unknown keys. The first hundred kinds are enough. */
const MAX_SENTENCES = 100;

/**
 * One sentence per kind of issue. The same issue of many documents is one sentence with their index
 * ranges, such as `documents[3,7-12].key is missing`.
 */
export function describeIssues(issues: readonly ValidationIssue[]): string[] {
  const kinds = new Map<string, { issue: ValidationIssue; indexes: number[] }>();
  for (const issue of issues) {
    const kind = JSON.stringify([
      issue.path.map((part) => (typeof part === 'number' ? 0 : part)),
      issue.message,
    ]);
    const known = kinds.get(kind) ?? { issue, indexes: [] };
    known.indexes.push(...issue.path.filter((part) => typeof part === 'number'));
    kinds.set(kind, known);
  }
  const sentences = [...kinds.values()].map(
    ({ issue, indexes }) => `${describePath(issue.path, toRanges(indexes))} ${issue.message}`,
  );
  const more = sentences.length - MAX_SENTENCES;
  if (more <= 0) return sentences;
  return [...sentences.slice(0, MAX_SENTENCES), `and ${more} more kinds of issues`];
}

function describePath(path: ValidationIssue['path'], ranges: string): string {
  if (path.length === 0) return 'the data';
  const parts = path.map((part, i) => {
    if (typeof part === 'number') return `[${ranges}]`;
    return (i > 0 ? '.' : '') + shownName(part);
  });
  return parts.join('');
}

/** A name from outside, as messages repeat it. */
export function shownName(name: string): string {
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
