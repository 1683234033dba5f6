/** One caller that waits for the end of a batch, until its time is up or its signal aborts. */
import { WaitTimeoutError } from './client-errors.js';

export interface WaitOptions {
  /** In milliseconds. Default: as long as it takes. */
  timeoutMs?: number | undefined;
  /** Ends the waiting; its reason is thrown. */
  signal?: AbortSignal | undefined;
}

export interface Waiter {
  /** Something may have happened. It is remembered when nobody waits at this moment. */
  wake(): void;
  /** Resolves when `wake` was called since the last call; rejects when the waiting is over. */
  woken(): Promise<void>;
  stop(): void;
}

export function createWaiter(reference: string, { timeoutMs, signal }: WaitOptions): Waiter {
  let awake = false;
  let over: { error: unknown } | undefined;
  let settle: (() => void) | undefined;

  const giveUp = (error: unknown) => {
    over ??= { error };
    settle?.();
  };
  const timer =
    timeoutMs === undefined
      ? undefined
      : setTimeout(() => giveUp(new WaitTimeoutError(reference, timeoutMs)), timeoutMs);
  const onAbort = () => giveUp(signal?.reason);
  signal?.addEventListener('abort', onAbort, { once: true });

  return {
    wake() {
      awake = true;
      settle?.();
    },
    async woken() {
      if (!awake && !over) {
        await new Promise<void>((resolve) => {
          settle = resolve;
        });
        settle = undefined;
      }
      if (over) throw over.error;
      awake = false;
    },
    stop() {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    },
  };
}
