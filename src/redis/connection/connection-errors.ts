/** What an error of a connection is about, whoever passes it on. */

/** Errors with which a connection says that it leaves its server. */
const ofMoves = new WeakSet<object>();

export function noteMove(error: Error): void {
  ofMoves.add(error);
}

/** Whether a connection says with this error that it is made anew: what was refused is sent again. */
export function isOfMove(error: unknown): boolean {
  return typeof error === 'object' && error !== null && ofMoves.has(error);
}

/** Errors that are about a connection. */
const ofConnections = new WeakSet<object>();

export function noteConnectionError(error: Error): void {
  ofConnections.add(error);
}

/** Whether it is about a connection, and not about a command. */
export function isOfConnection(error: unknown): boolean {
  return typeof error === 'object' && error !== null && ofConnections.has(error);
}
