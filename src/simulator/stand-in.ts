/** What both stand-ins offer: where they listen, faults on demand, and counts of their requests. */
import type { FaultEngine, FaultPlan } from './faults.js';
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
  /** Replaces all faults. The times of the new ones count from now. */
  setFaults(plan: Plan): void;
  clearFaults(): void;
  /** How often each fault happened. */
  faultsFired(): Record<string, number>;
}

export function standIn<Endpoint extends string, Kind extends string | number, View>(
  listener: Listener,
  traffic: Traffic<Endpoint>,
  faults: FaultEngine<Endpoint, Kind, View>,
): StandIn<Endpoint, FaultPlan<Endpoint, Kind, View>> {
  return {
    ...listener,
    requests: traffic,
    requestLog: (endpoint) => traffic.log(endpoint),
    setFaults: (plan) => faults.set(plan),
    clearFaults: () => faults.clear(),
    faultsFired: () => faults.fired(),
  };
}
