import type { Logger } from '../logging.js';
import type { CredentialsInUse } from './signer.js';

/**
 * A pre-signed URL dies with the temporary credentials that signed it, however long it was meant
 * to live. Says so once per set of credentials, without naming them.
 * @returns to be called with the credentials in use and the life of the URLs that they sign
 */
export function createExpiryWarning(
  logger: Pick<Logger, 'warn'>,
): (credentials: CredentialsInUse, presignExpiresSeconds: number) => void {
  let warnedOf: string | undefined;
  return ({ accessKeyId, expiration }, presignExpiresSeconds) => {
    if (expiration === undefined || accessKeyId === warnedOf) return;
    if (expiration.getTime() >= Date.now() + presignExpiresSeconds * 1000) return;
    warnedOf = accessKeyId;
    logger.warn(
      { credentialsExpireAt: expiration.toISOString(), presignExpiresSeconds },
      'temporary AWS credentials expire before the URLs that they sign: Atlas cannot fetch a document after that',
    );
  };
}
