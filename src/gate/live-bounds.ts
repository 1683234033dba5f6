/** What bounds the gate: of what the workers that live are configured with, the strictest. Pure. */
import type { GateBounds } from './gate-model.js';

/** So long after the last sweep of a worker its bounds hold: those of a busy process come a few seconds late. */
export const BOUNDS_LIVE_MS = 5000;

/** Of one worker, or of all. */
export interface LiveBounds extends GateBounds {
  /** Whose days the quota counts by. */
  timeZone: string;
}

/** Workers with the same say the same; '' where there are none. */
export function asText({ limit, quota, timeZone }: LiveBounds): string {
  return limit === 0 && quota === 0 ? '' : `${limit} ${quota} ${timeZone}`;
}

/**
 * All workers come to the same by what they have said.
 * @param timeZone where there is no quota
 */
export function strictest(said: readonly string[], timeZone: string): LiveBounds {
  const all = said.toSorted().map((one) => {
    const [limit, quota, zone = ''] = one.split(' ');
    return { limit: Number(limit), quota: Number(quota), zone };
  });
  const least = (bounds: number[]) => {
    const set = bounds.filter((bound) => bound > 0);
    return set.length === 0 ? 0 : Math.min(...set);
  };
  const quota = least(all.map((one) => one.quota));
  const whose = all.find((one) => quota > 0 && one.quota === quota);
  return {
    limit: least(all.map(({ limit }) => limit)),
    quota,
    timeZone: whose?.zone ?? timeZone,
  };
}
