/**
 * Loaded before the worker, as docs/operations.md says: records all that HTTP instrumentation makes of our
 * requests, a line a span, into the file SPANS_FILE.
 */
import { appendFileSync } from 'node:fs';
import { UndiciInstrumentation } from '@opentelemetry/instrumentation-undici';
import { NodeTracerProvider, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-node';

const file = process.env.SPANS_FILE ?? '';

/** @type {ConstructorParameters<typeof SimpleSpanProcessor>[0]} */
const exporter = {
  export(spans, done) {
    for (const { name, attributes, events, status } of spans) {
      appendFileSync(file, `${JSON.stringify({ name, attributes, events, status })}\n`);
    }
    done({ code: 0 });
  },
  shutdown: async () => {},
};
const provider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
provider.register();
new UndiciInstrumentation().setTracerProvider(provider);
