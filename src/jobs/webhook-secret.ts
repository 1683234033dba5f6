/**
 * The secret that webhooks are signed with, as an operator writes it: `whsec_` and base64, as the
 * Standard Webhooks specification hands secrets out, or any text.
 */

const PREFIX = 'whsec_';
/** The specification's own minimum: 192 bits. */
const MIN_LENGTH = 24;

/** What is wrong with a secret, as the end of a sentence; undefined when it will do. */
export function webhookSecretIssue(secret: string): string | undefined {
  if (!secret.startsWith(PREFIX)) {
    return secret.length < MIN_LENGTH
      ? `must be ${PREFIX} and base64, or at least ${MIN_LENGTH} characters`
      : undefined;
  }
  const encoded = secret.slice(PREFIX.length);
  const key = Buffer.from(encoded, 'base64');
  // Node skips what is not base64. So the text is base64 only if it comes back unchanged.
  if (key.toString('base64').replace(/=+$/, '') !== encoded.replace(/={1,2}$/, '')) {
    return `must be base64 after ${PREFIX}`;
  }
  return key.length < MIN_LENGTH
    ? `must hold at least ${MIN_LENGTH} bytes, in base64, after ${PREFIX}`
    : undefined;
}

/** The key of the signature. Other texts than `whsec_…` are taken as they are, in UTF-8. */
export function webhookKey(secret: string): Buffer {
  return secret.startsWith(PREFIX)
    ? Buffer.from(secret.slice(PREFIX.length), 'base64')
    : Buffer.from(secret, 'utf8');
}
