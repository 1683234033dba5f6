/** What comes, for the pictures of docs/flow-control.md. */
import { flowOf } from '../../src/gate/flow.js';
import type { Priority } from '../../src/jobs/request/request.js';
import type { Arrival } from './simulate.js';

const DOCUMENTS = 5;

interface Stream {
  kind: string;
  priority: Priority;
  tenant?: string;
  count: number;
  fromS: number;
  /** Between two of them; 0 for all at once. */
  everyS: number;
}

function arrivalsOf(streams: readonly Stream[]): Arrival[] {
  return streams
    .flatMap(({ kind, priority, tenant, count, fromS, everyS }) =>
      Array.from({ length: count }, (_, n) => ({
        atS: fromS + n * everyS,
        kind,
        flow: flowOf({ priority, tenant }, []),
        documentCount: DOCUMENTS,
      })),
    )
    .sort((a, b) => a.atS - b.atS);
}

/** An archive of so many batches at once, and people who wait for theirs during the half hour that it takes. */
export function floodAndTrickle(bulk = 20_000, forS = 1800): Arrival[] {
  return arrivalsOf([
    { kind: 'bulk', priority: 'bulk', count: bulk, fromS: 0, everyS: 0 },
    { kind: 'normal', priority: 'normal', count: forS / 5, fromS: 1, everyS: 5 },
    { kind: 'urgent', priority: 'urgent', count: forS / 30, fromS: 1, everyS: 30 },
  ]);
}

/** Two tenants of which one floods, urgent batches of a third, and a pause. */
export const SHARES = {
  arrivals: arrivalsOf([
    { kind: 'A, bulk', priority: 'bulk', tenant: 'a', count: 9000, fromS: 0, everyS: 0 },
    { kind: 'A, normal', priority: 'normal', tenant: 'a', count: 3000, fromS: 240, everyS: 0 },
    { kind: 'B, normal', priority: 'normal', tenant: 'b', count: 1500, fromS: 420, everyS: 0 },
    { kind: 'C, urgent', priority: 'urgent', tenant: 'c', count: 600, fromS: 840, everyS: 0 },
  ]),
  pause: { fromS: 1080, toS: 1260 },
};
