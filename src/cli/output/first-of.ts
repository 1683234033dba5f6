/** Describes the first of a list, and says how many are left. Pure. */
export function firstOf<T>(
  list: readonly T[],
  count: number,
  describe: (each: T) => string[],
  describeRest: (left: number) => string[],
): string[] {
  const left = list.length - count;
  return [...list.slice(0, count).flatMap(describe), ...(left > 0 ? describeRest(left) : [])];
}
