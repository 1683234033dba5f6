/**
 * Sets of document indexes as short text: `0-99,105`. A batch may hold 10,000 documents, and
 * every save of a job's state is also an event, so states hold ranges, never lists.
 */

export type IndexRanges = string;

const RANGE = /^(\d+)(?:-(\d+))?$/;

/** Ranges of the given indexes; order and repetition do not matter. */
export function toRanges(indexes: Iterable<number>): IndexRanges {
  const ranges: [from: number, to: number][] = [];
  for (const index of [...new Set(indexes)].sort((a, b) => a - b)) {
    const last = ranges.at(-1);
    if (last?.[1] === index - 1) last[1] = index;
    else ranges.push([index, index]);
  }
  return ranges.map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`)).join(',');
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
