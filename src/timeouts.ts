/** Waits that have an end: a time, or a signal. */
import { setTimeout as sleep } from 'node:timers/promises';

/** For connections to end in order, where nothing else is waited for. After it they are cut. */
export const CLOSE_TIMEOUT_MS = 1000;

/** Node's timers overflow beyond this; longer ones would fire at once. */
export const MAX_TIMER_MS = 2 ** 31 - 1;

/**
 * Calls back after any time, `Infinity` included, which is never.
 * @returns A function that calls it off. May be called twice.
 */
export function callAfter(milliseconds: number, act: () => void): () => void {
  let timer: NodeJS.Timeout | undefined;
  const wait = (left: number) => {
    timer = setTimeout(
      () => (left > MAX_TIMER_MS ? wait(left - MAX_TIMER_MS) : act()),
      Math.min(left, MAX_TIMER_MS),
    );
  };
  if (milliseconds !== Number.POSITIVE_INFINITY) wait(milliseconds);
  return () => clearTimeout(timer);
}

/** Waits, or rejects with the signal's own reason as soon as it is aborted. */
export async function pause(milliseconds: number, signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted();
  try {
    await sleep(milliseconds, undefined, signal && { signal });
  } catch (error) {
    throw signal?.aborted ? signal.reason : error;
  }
}

/** Those that wait for the abort of a signal. */
const waiting = new WeakMap<AbortSignal, { acts: Set<() => void>; listener: () => void }>();

/**
 * Calls back when a signal is aborted, at once when it is already.
 *
 * A signal has one listener for all who wait for it: to add or remove one, Node searches the list of all
 * listeners, and it takes eleven of them for a leak. A call back must not throw.
 * @returns A function that calls it off. May be called twice.
 */
export function whenAborted(signal: AbortSignal, callBack: () => void): () => void {
  // Of its own, so that a function that is given twice is called twice.
  const act = () => callBack();
  if (signal.aborted) {
    act();
    return () => {};
  }
  const { acts, listener } = waiting.get(signal) ?? listen(signal);
  acts.add(act);
  return () => {
    if (!acts.delete(act) || acts.size > 0) return;
    waiting.delete(signal);
    signal.removeEventListener('abort', listener);
  };
}

function listen(signal: AbortSignal) {
  const acts = new Set<() => void>();
  const listener = () => {
    for (const act of acts) act();
  };
  signal.addEventListener('abort', listener, { once: true });
  const all = { acts, listener };
  waiting.set(signal, all);
  return all;
}

/** Settles as `work` does, or rejects with the signal's reason first; `work` itself goes on. */
export async function unlessAborted<T>(work: Promise<T>, signal?: AbortSignal): Promise<T> {
  if (signal === undefined) return work;
  // Work that nobody waits for any more must not end the process when it fails.
  work.catch(() => {});
  signal.throwIfAborted();
  let stopWaiting = () => {};
  const aborted = new Promise<never>((_, reject) => {
    stopWaiting = whenAborted(signal, () => reject(signal.reason));
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    stopWaiting();
  }
}

/** Gives work a signal that is aborted as soon as one of these is, with its reason, until work has settled. */
export async function withEither<T>(
  signals: readonly AbortSignal[],
  work: (either: AbortSignal) => Promise<T>,
): Promise<T> {
  // Not AbortSignal.any: Node 20 keeps what it makes for as long as the longest-lived signal.
  const either = new AbortController();
  const stops = signals.map((signal) => whenAborted(signal, () => either.abort(signal.reason)));
  try {
    return await work(either.signal);
  } finally {
    for (const stop of stops) stop();
  }
}

/** Settles as `work` does, or as `onTimeout` does when that takes longer; `work` itself goes on. */
export async function withTimeout<T, L>(
  work: Promise<T>,
  milliseconds: number,
  onTimeout: () => L,
): Promise<T | L> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, milliseconds);
  });
  try {
    return await Promise.race([work, late.then(onTimeout)]);
  } finally {
    clearTimeout(timer);
  }
}

/** Whether work settles within this time; it goes on either way. Rejects when `work` does. */
export function settlesWithin(work: Promise<unknown>, milliseconds: number): Promise<boolean> {
  const settled = work.then(() => true);
  return withTimeout(settled, milliseconds, () => false);
}
