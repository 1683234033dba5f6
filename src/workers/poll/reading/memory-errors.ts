/** Why the list of a poll is not held in memory. */
import { TransientError } from '../../../errors.js';

/** There is no room for what a poll reads. No error of anyone: it is tried again. */
export class NoMemoryError extends Error {
  override name = 'NoMemoryError';

  /** @param wantedBytes To be asked for the next time. */
  constructor(readonly wantedBytes: number) {
    super(`no room for ${wantedBytes} bytes of extracts`);
  }
}

/** The list of one poll takes more than a poll may hold. What was read of it before is held still. */
export class ListTooLargeError extends TransientError {
  /** @param isOnePage Nothing was read before. */
  constructor(
    message: string,
    readonly isOnePage: boolean,
  ) {
    super('ATLAS_PROTOCOL', message);
  }
}
