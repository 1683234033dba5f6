/**
 * What a run is for that begins after a batch has failed. Whoever begins one says so in a flag before it
 * retries the job. A retry without a flag is an operator's.
 */
import { isObject, parseJson } from '../../json.js';

/** `late`: documents have come late, and nothing is sent again. */
export type RunMode = 'operator' | 'late';

/** Outlives the wait of a job in the queue. */
export const RUN_MODE_TTL_MS = 7 * 24 * 3600 * 1000;

export interface RunModeFlag {
  mode: RunMode;
  /** `timestamp` of the batch job that is meant. */
  timestamp: number;
  /** `attemptsMade` of that job when it had failed: its next run begins with as many. */
  attemptsMade: number;
}

/** The mode of the run that begins with these, if the value says one. */
export function readRunMode(
  value: string | null,
  { timestamp, attemptsMade }: Pick<RunModeFlag, 'timestamp' | 'attemptsMade'>,
): RunMode {
  const flag = parseJson(value ?? '');
  const isMeant =
    isObject(flag) && flag.timestamp === timestamp && flag.attemptsMade === attemptsMade;
  return isMeant && flag.mode === 'late' ? 'late' : 'operator';
}
