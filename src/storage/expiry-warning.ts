import type { Logger } from '../logging.js';

/** The credentials in use; `expiration` only when they are temporary. */
type Credentials = { accessKeyId: string; expiration?: Date };

/** Thousands of URLs are signed a second, and the SDK keeps a set for minutes. */
const CHECK_EVERY_MS = 1000;

/**
 * A pre-signed URL dies with the temporary credentials that signed it, however long it was meant
 * to live. Says so once per set of credentials, without naming them.
 * @param now milliseconds since 1970
 * @returns to be called with the life of each URL that is about to be signed
 */
export function createExpiryWarning(
  currentCredentials: () => Promise<Credentials>,
  logger: Pick<Logger, 'warn'>,
  now: () => number = Date.now,
): (presignExpiresSeconds: number) => Promise<void> {
  let warnedOf: string | undefined;
  let checkedAt = Number.NEGATIVE_INFINITY;
  return async (presignExpiresSeconds) => {
    const signedAt = now();
    if (signedAt < checkedAt + CHECK_EVERY_MS) return;
    checkedAt = signedAt;
    const { accessKeyId, expiration } = await currentCredentials();
    if (expiration === undefined || accessKeyId === warnedOf) return;
    if (expiration.getTime() >= signedAt + presignExpiresSeconds * 1000) return;
    warnedOf = accessKeyId;
    logger.warn(
      { credentialsExpireAt: expiration.toISOString(), presignExpiresSeconds },
      'temporary AWS credentials expire before the URLs that they sign: Atlas cannot fetch a document after that',
    );
  };
}
