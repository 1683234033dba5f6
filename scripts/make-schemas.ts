/**
 * Writes the JSON Schemas of `schemas/` from the sources that check the data, for callers in
 * other languages. Usage: npm run schemas; a test compares.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { argv } from 'node:process';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { z } from 'zod';
import { batchRequestSchema } from '../src/jobs/request.js';
import { completedEventSchema, failedEventSchema, resultsSchema } from '../src/jobs/schemas.js';

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
  return new Map(
    Object.entries(SCHEMAS).map(([name, { schema, title, description }]) => {
      const { $schema, ...body } = z.toJSONSchema(schema, {
        io: 'input',
        override: makePortable,
      });
      return [name, { $schema, title, description, ...body }];
    }),
  );
}

/** A pattern of 1 to n characters of a class that only JavaScript knows. */
const PRINTABLE = /\\p\{C\}.*\{1,(\d+)\}\$$/;

/** What other languages cannot read, or need not: the length, the format, the type say it. */
function makePortable({ jsonSchema }: { jsonSchema: z.core.JSONSchema.BaseSchema }): void {
  const [, maxLength] = PRINTABLE.exec(jsonSchema.pattern ?? '') ?? [];
  if (maxLength !== undefined) {
    delete jsonSchema.pattern;
    jsonSchema.minLength = 1;
    jsonSchema.maxLength = Number(maxLength);
  }
  if (jsonSchema.format === 'date-time') delete jsonSchema.pattern;
  if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
}

if (import.meta.url === pathToFileURL(argv[1] ?? '').href) {
  mkdirSync(DIRECTORY, { recursive: true });
  for (const [name, schema] of makeSchemas()) {
    writeFileSync(DIRECTORY + name, `${JSON.stringify(schema, null, 2)}\n`);
  }
}
