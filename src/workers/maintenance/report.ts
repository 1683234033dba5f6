/** What a worker tells of itself with each heartbeat: what only it knows. */
import { hostname } from 'node:os';
import type { AtlasClient } from '../../atlas/client.js';
import type { WorkerReport } from '../../jobs/worker-report.js';
import type { Clock } from '../../redis/clock.js';
import { VERSION } from '../../version.js';

interface Sources {
  status: { readonly activeJobs: Record<string, number>; whyNotReady(): string[] };
  atlas: Pick<AtlasClient, 'outage' | 'credentials'>;
  receiver: { readonly report: WorkerReport['webhook'] };
  clock: Pick<Clock, 'now'>;
}

export function reporter({ status, atlas, receiver, clock }: Sources): () => WorkerReport {
  const startedAt = Math.floor(clock.now());
  return () => {
    const now = Math.floor(clock.now());
    const outage = atlas.outage();
    const { refusedForMs } = atlas.credentials;
    return {
      v: 1,
      host: hostname(),
      pid: process.pid,
      version: VERSION,
      node: process.versions.node,
      startedAt,
      jobs: status.activeJobs,
      atlas: outage && {
        since: Math.floor(now - outage.forMs),
        code: outage.reason.code,
        circuitOpen: outage.circuitOpen,
      },
      refusedSince: refusedForMs === null ? null : Math.floor(now - refusedForMs),
      webhook: receiver.report,
      notReady: status.whyNotReady(),
    };
  };
}
