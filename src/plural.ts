/** Made once: to make one takes longer than to format a thousand counts. */
const COUNT = new Intl.NumberFormat('en');

/** `1 worker`, `2 batches`, `1,000 documents` */
export function plural(count: number, noun: string, nouns = `${noun}s`): string {
  return `${count < 1000 ? count : COUNT.format(count)} ${count === 1 ? noun : nouns}`;
}
