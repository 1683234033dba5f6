/**
 * Tells when the process that started this one is gone, as where npm is killed: what it has started goes on then,
 * and the system gives it another parent.
 */

const CHECK_EVERY_MS = 1000;

/** Calls back once, within a second or two. It keeps nothing running. */
export function endWithParent(end: () => void): void {
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    end();
  }, CHECK_EVERY_MS);
  timer.unref();
}
