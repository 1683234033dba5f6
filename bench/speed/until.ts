import { setTimeout as pause } from 'node:timers/promises';

/** Small beside a run of seconds, and rare enough to disturb nothing. */
const ASK_EVERY_MS = 50;

/** Asks until the answer is yes. */
export async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await pause(ASK_EVERY_MS);
}
