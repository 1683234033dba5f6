/**
 * Sets of document indexes as short text: `0-99,105`. A batch may hold 10,000 documents, and
 * every save of a job's state is also an event, so states hold ranges, never lists.
 */

export type IndexRanges = string;

const RANGE = /^(\d+)(?:-(\d+))?$/;

/** Ranges of the given indexes; order and repetition do not matter. */
export function toRanges(indexes: Iterable<number>): IndexRanges {
  const sorted = [...new Set(indexes)].sort((a, b) => a - b);
  const parts: string[] = [];
  let from: number | undefined;
  let to = -1;
  const close = () => {
    if (from !== undefined) parts.push(from === to ? `${from}` : `${from}-${to}`);
  };
  for (const index of sorted) {
    if (from === undefined || index !== to + 1) {
      close();
      from = index;
    }
    to = index;
  }
  close();
  return parts.join(',');
}

/** The indexes of ranges, ascending. Throws on text that {@link toRanges} never writes. */
export function fromRanges(ranges: IndexRanges): number[] {
  const indexes: number[] = [];
  if (ranges === '') return indexes;
  for (const part of ranges.split(',')) {
    const match = RANGE.exec(part);
    if (!match) throw new Error(`not index ranges: ${JSON.stringify(ranges)}`);
    const to = Number(match[2] ?? match[1]);
    for (let index = Number(match[1]); index <= to; index += 1) indexes.push(index);
  }
  return indexes;
}
