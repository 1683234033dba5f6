import type { Logger } from '../logging.js';
import type { CredentialsInUse } from './signer.js';

/**
 * Warns once per set of temporary credentials that ends before the URLs that it signs: a pre-signed
 * URL is invalid from then on. The credentials are not named.
 * @returns A function to call with the credentials in use and the life of the URLs.
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
