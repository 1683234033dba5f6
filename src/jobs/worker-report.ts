/** What a worker tells of itself with each heartbeat, for the pages that say how things stand. */
import type { ReasonCode } from '../errors.js';
import { isObject } from '../json.js';

/** All times are Redis time in ms. */
export interface WorkerReport {
  v: 1;
  host: string;
  pid: number;
  version: string;
  node: string;
  startedAt: number;
  /** Jobs that run in it, by queue. */
  jobs: Record<string, number>;
  /** Atlas has not answered since; null while it does. */
  atlas: { since: number; code: ReasonCode; circuitOpen: boolean } | null;
  /** Atlas has refused the client id and secret since; null while it takes them. */
  refusedSince: number | null;
  /** What the webhook's receiver did last; null when it was not asked. */
  webhook: WebhookReport | null;
  /** Why it takes no jobs. */
  notReady: string[];
}

export interface WebhookReport {
  /** The first failure since the last event that it took; null when it took the last one. */
  failingSince: number | null;
  lastFailedAt: number;
  lastDeliveredAt: number;
  /** A status, or why there was no response. */
  code: string;
}

/** What is no report of this version is null. */
export function readWorkerReport(text: string | null): WorkerReport | null {
  if (text === null) return null;
  const report: unknown = JSON.parse(text);
  return isObject(report) && report.v === 1 ? (report as unknown as WorkerReport) : null;
}
