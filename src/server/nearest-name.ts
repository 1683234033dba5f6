/** Finds which name somebody has probably meant. Pure. */

/** More mistakes make another word. */
const MAX_MISTAKES = 2;

/** The known name that is nearest to a misspelt one, whatever its case; undefined where none is near. */
export function nearestName(name: string, known: readonly string[]): string | undefined {
  const written = name.toLowerCase();
  const near = known
    .map((one) => ({ one, mistakes: mistakesIn(written, one) }))
    // Of a short name, so many mistakes leave nothing.
    .filter(({ one, mistakes }) => mistakes <= Math.min(MAX_MISTAKES, one.length / 2));
  return near.sort((a, b) => a.mistakes - b.mistakes)[0]?.one;
}

/** Characters that were left out, put in or mistaken for others (Levenshtein's distance). */
function mistakesIn(written: string, meant: string): number {
  let row = Array.from({ length: meant.length + 1 }, (_, i) => i);
  for (const [i, character] of [...written].entries()) {
    const next = [i + 1];
    for (const [j, other] of [...meant].entries()) {
      const replaced = (row[j] ?? 0) + (character === other ? 0 : 1);
      next.push(Math.min(replaced, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}
