/** JSON Schemas of the schemas that check the data, for callers in other languages. Pure. */
import { z } from 'zod';

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

/** JSON Schema of draft 2020-12 of what a schema takes. */
export function toPortableSchema(schema: z.ZodType): z.core.JSONSchema.BaseSchema {
  return z.toJSONSchema(schema, { io: 'input', override: makePortable });
}

/** The same of several that refer to each other by their names. @param uri Of a name. */
export function toPortableSchemas(
  named: Readonly<Record<string, z.ZodType>>,
  uri: (name: string) => string,
): Record<string, z.core.JSONSchema.BaseSchema> {
  const registry = z.registry<{ id: string }>();
  for (const [id, schema] of Object.entries(named)) registry.add(schema, { id });
  return z.toJSONSchema(registry, { io: 'input', override: makePortable, uri }).schemas;
}
