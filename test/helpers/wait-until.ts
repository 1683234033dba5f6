const INTERVAL_MS = 25;

/**
 * Waits for a condition that can only be asked for, not subscribed to: something in Redis, or in
 * another process. Fails with the last error, or saying what never came.
 */
export async function waitUntil<T>(
  what: string,
  ask: () => Promise<T | null | undefined | false> | T | null | undefined | false,
  timeoutMs = 60_000,
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const value = await ask();
    if (value !== null && value !== undefined && value !== false) return value;
    if (performance.now() > deadline)
      throw new Error(`${what} did not come within ${timeoutMs} ms`);
    await new Promise((resolve) => {
      setTimeout(resolve, INTERVAL_MS);
    });
  }
}
