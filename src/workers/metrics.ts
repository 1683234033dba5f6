/** What the workers count, in the words of ARCHITECTURE.md. Served by the HTTP server. */
import { Counter, Histogram, Registry } from 'prom-client';

/** Seconds; lag is a fraction of a second to the greatest poll interval. */
const LAG_BUCKETS = [0.25, 0.5, 1, 2, 4, 8, 16, 32, 64];
const LOOK_BUCKETS = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 64];

export interface WorkerMetrics {
  registry: Registry;
  batches: Counter<'status' | 'code'>;
  documents: Counter<'state'>;
  uploads: Counter<'result'>;
  unknownUploads: Counter;
  orphanUploads: Counter;
  polls: Counter<'outcome'>;
  looksPerUpload: Histogram;
  lagUpperBoundSeconds: Histogram;
}

export function createWorkerMetrics(registry = new Registry()): WorkerMetrics {
  const registers = [registry];
  const counter = <T extends string = never>(name: string, help: string, labelNames: T[] = []) =>
    new Counter({ name: `atlas_batch_${name}`, help, labelNames, registers });
  const histogram = (name: string, help: string, buckets: number[]) =>
    new Histogram({ name: `atlas_batch_${name}`, help, buckets, registers });
  return {
    registry,
    batches: counter('batches_total', 'Batches that ended.', ['status', 'code']),
    documents: counter('documents_total', 'Documents of ended batches.', ['state']),
    uploads: counter('uploads_total', 'Calls of multiupload.', ['result']),
    unknownUploads: counter(
      'unknown_uploads_total',
      'Uploads of which nobody knows whether Atlas took them.',
    ),
    orphanUploads: counter(
      'orphan_uploads_total',
      'Uploads that Atlas took after their worker had lost the batch.',
    ),
    polls: counter('polls_total', 'Poll jobs that ended.', ['outcome']),
    looksPerUpload: histogram('looks_per_upload', 'Looks until the outcome.', LOOK_BUCKETS),
    lagUpperBoundSeconds: histogram(
      'lag_upper_bound_seconds',
      'Time between the last negative look and the look that found an upload complete.',
      LAG_BUCKETS,
    ),
  };
}
