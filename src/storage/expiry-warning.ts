import type { Logger } from '../logging.js';

/** The credentials in use; `expiration` only when they are temporary. */
type Credentials = { accessKeyId: string; expiration?: Date };

/**
 * A pre-signed URL dies with the temporary credentials that signed it, however long it was meant
 * to live. Says so once per set of credentials, without naming them.
 * @returns to be called with the life of each URL that is about to be signed
 */
export function createExpiryWarning(
  currentCredentials: () => Promise<Credentials>,
  logger: Pick<Logger, 'warn'>,
): (presignExpiresSeconds: number) => Promise<void> {
  let warnedOf: string | undefined;
  return async (presignExpiresSeconds) => {
    const { accessKeyId, expiration } = await currentCredentials();
    if (expiration === undefined || accessKeyId === warnedOf) return;
    if (expiration.getTime() >= Date.now() + presignExpiresSeconds * 1000) return;
    warnedOf = accessKeyId;
    logger.warn(
      { credentialsExpireAt: expiration.toISOString(), presignExpiresSeconds },
      'temporary AWS credentials expire before the URLs that they sign: Atlas cannot fetch a document after that',
    );
  };
}
