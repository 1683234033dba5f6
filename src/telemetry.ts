/** Traces of jobs, where the process is set up for them. */
import type { Telemetry } from 'bullmq';

/**
 * What queues and workers hand their spans to; undefined when no traces are wanted, so that the
 * library is not even loaded.
 */
export async function createTelemetry(wanted: boolean): Promise<Telemetry | undefined> {
  if (!wanted) return undefined;
  const { BullMQOtel } = await import('bullmq-otel');
  return new BullMQOtel({ tracerName: 'atlas-batch' });
}
