/**
 * Writes the JSON Schemas of `schemas/` from the sources that check the data, for callers in
 * other languages. Usage: npm run schemas; a test compares.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { argv } from 'node:process';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { z } from 'zod';
import { toPortableSchema } from '../src/jobs/portable-schema.js';
import { batchRequestSchema } from '../src/jobs/request/request.js';
import { completedEventSchema, failedEventSchema, resultsSchema } from '../src/jobs/schemas.js';
import { openApiDocument } from '../src/server/api/openapi.js';

const DIRECTORY = fileURLToPath(new URL('../schemas/', import.meta.url));

const SCHEMAS = {
  'batch.schema.json': {
    schema: batchRequestSchema,
    title: 'Data of a `batch` job in the queue `atlas-batches`',
    description:
      'The jobId must be `batch-<reference>`. Beyond what a schema can say: documentId is unique in the batch.',
  },
  'batch-completed.schema.json': {
    schema: completedEventSchema,
    title: 'Data of a `batch.completed` job in the queue `atlas-completions`',
    description: 'Also the return value of the `batch` job.',
  },
  'batch-failed.schema.json': {
    schema: failedEventSchema,
    title: 'Data of a `batch.failed` job in the queue `atlas-completions`',
    description: 'With whatever was obtained until the batch failed.',
  },
  'results.schema.json': {
    schema: resultsSchema,
    title: 'A results object in S3',
    description: 'One an Atlas batch: `<RESULTS_PREFIX><reference>/<batch_id>.json`.',
  },
} satisfies Record<string, { schema: z.ZodType; title: string; description: string }>;

/** File names with their contents. */
export function makeSchemas(): Map<string, object> {
  const schemas = Object.entries(SCHEMAS).map(([name, { schema, title, description }]) => {
    const { $schema, ...body } = toPortableSchema(schema);
    return [name, { $schema, title, description, ...body }] as const;
  });
  return new Map<string, object>([...schemas, ['openapi.json', openApiDocument()]]);
}

if (import.meta.url === pathToFileURL(argv[1] ?? '').href) {
  mkdirSync(DIRECTORY, { recursive: true });
  for (const [name, schema] of makeSchemas()) {
    writeFileSync(DIRECTORY + name, `${JSON.stringify(schema, null, 2)}\n`);
  }
}
