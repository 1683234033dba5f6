import {
  InMemorySpanExporter,
  NodeTracerProvider,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-node';
import { expect, it, onTestFinished } from 'vitest';
import { createAtlasBatchClient } from '../../src/client/client.js';
import { createTelemetry } from '../../src/telemetry.js';
import { startSystem } from '../helpers/system.js';
import { waitUntil } from '../helpers/wait-until.js';

it('a batch has one trace, from enqueue to completion', async () => {
  const exporter = new InMemorySpanExporter();
  const provider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
  provider.register();
  onTestFinished(() => provider.shutdown());
  const system = await startSystem({ environment: { OTEL_TRACES_EXPORTER: 'otlp' } });
  await system.startWorker();
  const { REDIS_URL = '', QUEUE_PREFIX } = system.environment;
  const telemetry = await createTelemetry(true);
  const client = createAtlasBatchClient({ redisUrl: REDIS_URL, prefix: QUEUE_PREFIX, telemetry });
  onTestFinished(() => client.close());
  await client.enqueue(await system.request('traced', 3));
  await client.wait('traced');
  const traced = () => {
    const spans = exporter.getFinishedSpans();
    const first = spans.find(({ name }) => name.startsWith('addBulk'));
    const traceId = first?.spanContext().traceId;
    return spans.filter((span) => span.spanContext().traceId === traceId);
  };
  const about = (queue: string) => traced().filter(({ name }) => name.includes(queue));
  await waitUntil('the spans of all queues', () =>
    ['atlas-batches', 'atlas-polls', 'atlas-completions'].every((one) => about(one).length > 0),
  );
  expect(about('atlas-batches').length).toBeGreaterThanOrEqual(3);
});
