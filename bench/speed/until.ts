import { setTimeout as pause } from 'node:timers/promises';

/** Short compared to a run of seconds, and seldom enough not to disturb it. */
const ASK_EVERY_MS = 50;

/** Waits until a condition holds. */
export async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await pause(ASK_EVERY_MS);
}
