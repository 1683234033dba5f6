/**
 * Work that holds the event loop for long, one piece at a time. Fifty large responses that arrive together
 * would be read in a row, and no timer would fire meanwhile: for lack of renewal the locks of all jobs run
 * out. So between two pieces the loop goes on with everything else, and after a long one it has time for it.
 */
import { setTimeout as delay, setImmediate as nextRound } from 'node:timers/promises';

/** From this size on work takes some milliseconds. What is smaller needs no turn. */
export const TURN_FROM_BYTES = 128 * 1024;
/** Work that takes less leaves enough time to others: they wait for it a few times until they are done. */
const LONG_MS = 50;
/** Others have as much time as a long piece took, at most this: a small batch passes in it. */
const MAX_REST_MS = 200;
/** The smallest piece is next, for most are small; but of so many turns one is of who waits longest. */
const TURNS_PER_OLDEST = 4;

interface Turn {
  size: number;
  take: () => void;
}

/** The oldest first. One list for the process, because it is the process whose loop is held. */
const waiting: Turn[] = [];
let isTaken = false;
let turns = 0;

/**
 * Runs work of a size, in bytes or letters, when it is its turn; at once when it is small.
 * @returns what it returns; rejects with what it throws.
 */
export async function inTurn<Value>(size: number, work: () => Value): Promise<Value> {
  if (size < TURN_FROM_BYTES) return work();
  return new Promise((resolve, reject) => {
    const take = () => {
      try {
        resolve(work());
      } catch (error) {
        reject(error);
      }
    };
    waiting.push({ size, take });
    if (!isTaken) void takeTurns();
  });
}

async function takeTurns(): Promise<void> {
  isTaken = true;
  while (waiting.length > 0) {
    await nextRound();
    const began = performance.now();
    nextTurn()?.take();
    const tookMs = performance.now() - began;
    if (tookMs > LONG_MS) await delay(Math.min(tookMs, MAX_REST_MS));
  }
  isTaken = false;
}

function nextTurn(): Turn | undefined {
  turns += 1;
  if (turns % TURNS_PER_OLDEST === 0) return waiting.shift();
  const smallest = Math.min(...waiting.map(({ size }) => size));
  return waiting.splice(
    waiting.findIndex(({ size }) => size === smallest),
    1,
  )[0];
}
