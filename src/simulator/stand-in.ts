/** What both stand-ins offer: where they listen, faults on demand, and counts of their requests. */
import { checkPlan, type KnownFaults } from './check-faults.js';
import type { FaultPlan } from './fault-rules.js';
import type { FaultEngine } from './faults.js';
import type { Listener, ListenOptions } from './http-server.js';
import type { RequestCounters, RequestRecord, Traffic } from './traffic.js';

export const DEFAULT_SEED = 1;

export interface StandInOptions extends ListenOptions {
  /** Seed of the faults, and of all else that is drawn. */
  seed?: number | undefined;
}

export interface StandIn<Endpoint extends string, Plan> extends Listener {
  requests: RequestCounters<Endpoint>;
  /** The newest requests, oldest first. */
  requestLog(endpoint?: Endpoint): RequestRecord<Endpoint>[];
  /**
   * Replaces all faults. The times of the new ones count from now.
   * @throws UsageError that names a fault, an endpoint or a setting that is not known, and those that are.
   */
  setFaults(plan: Plan): void;
  clearFaults(): void;
  /** How often each fault happened. */
  faultsFired(): Record<string, number>;
  /**
   * As at the start, on the same port: no faults, and nothing of what was sent, counted or logged. For
   * the time between two tests.
   */
  reset(): void;
}

/** In what a stand-in differs from the other. */
interface Own<Plan> {
  known: KnownFaults;
  /** The plan with what its author need not say. */
  completed?(plan: Plan): Plan;
  /** Forgets what was sent. */
  forget(): void;
}

export function standIn<Endpoint extends string, Kind extends string | number, View>(
  listener: Listener,
  traffic: Traffic<Endpoint>,
  faults: FaultEngine<Endpoint, Kind, View>,
  own: Own<FaultPlan<Endpoint, Kind, View>>,
): StandIn<Endpoint, FaultPlan<Endpoint, Kind, View>> {
  return {
    ...listener,
    requests: traffic,
    requestLog: (endpoint) => traffic.log(endpoint),
    setFaults(plan) {
      checkPlan(plan, own.known);
      faults.set(own.completed?.(plan) ?? plan);
    },
    clearFaults: () => faults.clear(),
    faultsFired: () => faults.fired(),
    reset() {
      faults.reset();
      traffic.reset();
      own.forget();
    },
  };
}
