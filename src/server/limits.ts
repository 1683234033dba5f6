/** Bounds on what anybody may ask of the HTTP server. */

/** Everything but callbacks is small: a form, a few parameters. */
export const BODY_LIMIT_BYTES = 64 * 1024;
/** A page of fifty extracts of 80 KB each; reading it takes some tens of milliseconds. */
export const CALLBACK_BODY_LIMIT_BYTES = 4 * 1024 * 1024;
/** For the head of a request, and for all of it, to arrive. */
export const HEADERS_TIMEOUT_MS = 10_000;
export const REQUEST_TIMEOUT_MS = 15_000;
/** A connection on which nothing moves. */
export const IDLE_TIMEOUT_MS = 30_000;
/** A reference has 128 characters, an encoded `batch_id` in a poll job's id some more. */
export const MAX_PARAMETER_LENGTH = 1024;
/** Requests that are still under way when the server stops are cut after this. */
export const STOP_TIMEOUT_MS = 5000;
/** Asking Redis for health or metrics: whoever asks gives up after some seconds. */
export const REDIS_TIMEOUT_MS = 1500;
