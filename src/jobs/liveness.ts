/** When a worker counts as alive. Workers write heartbeats, and the HTTP server reads them. */

/** Time between two heartbeats of a worker. */
export const HEARTBEAT_INTERVAL_MS = 5000;
/** A worker without a heartbeat for this long is gone: three beats, so that a lost one is no alarm. */
export const HEARTBEAT_TTL_MS = 15_000;
