/**
 * What people have typed that names a batch: a search, a reason. Its name goes with the batch, and the rest of the text
 * stays, for it says something of others. Pure.
 */

/** No reference is written with it, so what was redacted names nobody. */
export const REDACTED = '***';

/** The text without the reference. That of a longer one, such as `loan-88` in `loan-880`, is left. */
export function redact(text: string, reference: string): string {
  const own = reference.replaceAll('.', '\\.');
  // In any case, as searches find it. A point that nothing of a name follows ends a sentence.
  const name = new RegExp(`(?<![\\w-]|[\\w-]\\.+)${own}(?![\\w-]|\\.+[\\w-])`, 'gi');
  return text.replace(name, REDACTED);
}
