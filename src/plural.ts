/** Made once: to make one takes longer than to format a thousand counts. */
const COUNT = new Intl.NumberFormat('en');

/** `999`, `1,000` */
export function countText(count: number): string {
  return count < 1000 ? `${count}` : COUNT.format(count);
}

/** `1 worker`, `2 batches`, `1,000 documents` */
export function plural(count: number, noun: string, nouns = `${noun}s`): string {
  return `${countText(count)} ${count === 1 ? noun : nouns}`;
}
