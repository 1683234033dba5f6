/**
 * What workers tell of themselves in Redis, for the HTTP server's health and metrics: who is
 * alive, and which batches have begun and not ended. Both are hints: the jobs are the truth.
 */

/** A worker says that it lives this often. */
export const HEARTBEAT_INTERVAL_MS = 5000;
/** One that has not for so long is gone: three beats, so that one lost beat is no alarm. */
export const HEARTBEAT_TTL_MS = 15_000;
