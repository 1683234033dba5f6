/** The document of the API, OpenAPI 3.1, made of its operations and of the schemas that check the data. Pure. */
import type { z } from 'zod';
import { listedBatchSchema } from '../../batches/lists/listed-batch-schema.js';
import { batchStatusSchema } from '../../batches/status/status-schema.js';
import { toPortableSchema, toPortableSchemas } from '../../jobs/portable-schema.js';
import { batchRequestSchema } from '../../jobs/request/request.js';
import { reasonSchema, resultDocumentSchema, summarySchema } from '../../jobs/schemas.js';
import { rolesFor } from './access.js';
import type { Operation } from './operation.js';
import { addedSchema, batchBodySchema } from './operations/add-batch.js';
import { bulkLineSchema } from './operations/add-many.js';
import { cancellingSchema, reasonBodySchema, retriedSchema } from './operations/change-batch.js';
import { erasedSchema } from './operations/erase-batch.js';
import { outcomeEventSchema } from './operations/follow-events.js';
import { batchListSchema } from './operations/list-batches.js';
import { OPERATIONS } from './operations.js';
import { PROBLEM_TYPE, PROBLEMS, type ProblemCode, problemSchema } from './problem.js';

/** Where the routes are. */
export const API_PATH = '/api/v1';
/** Of the document: its major number is that of the path. */
const API_VERSION = '1.0.0';

/** Schemas that have a name, which clients in other languages make types of. */
const NAMED: Readonly<Record<string, z.ZodType>> = {
  Added: addedSchema,
  Batch: batchBodySchema,
  BatchLine: batchRequestSchema,
  BatchList: batchListSchema,
  BatchStatus: batchStatusSchema,
  BatchSummary: summarySchema,
  BulkResultLine: bulkLineSchema,
  Cancelling: cancellingSchema,
  DocumentResult: resultDocumentSchema,
  Erased: erasedSchema,
  ListedBatch: listedBatchSchema,
  OutcomeEvent: outcomeEventSchema,
  Problem: problemSchema,
  Reason: reasonSchema,
  Retried: retriedSchema,
  Why: reasonBodySchema,
};

const NAMES = new Map(Object.entries(NAMED).map(([name, schema]) => [schema, name]));
const refTo = (name: string) => `#/components/schemas/${name}`;

/** Of every operation. */
const GENERAL: readonly ProblemCode[] = [
  'INVALID_REQUEST',
  'UNAUTHORIZED',
  'FORBIDDEN',
  'TOO_MANY_REQUESTS',
  'INTERNAL',
  'UNAVAILABLE',
];

export interface OpenApiDocument {
  openapi: string;
  info: { title: string; version: string; description: string };
  servers: [{ url: string }];
  paths: Record<string, Record<string, DescribedOperation>>;
  components: { schemas: Record<string, z.core.JSONSchema.BaseSchema>; [more: string]: unknown };
  [more: string]: unknown;
}

export interface DescribedOperation {
  operationId: string;
  summary: string;
  description: string;
  parameters: Parameter[];
  requestBody?: { required: boolean; description: string; content: Content };
  responses: Record<string, DescribedResponse>;
}

export interface DescribedResponse {
  description: string;
  headers?: Record<string, unknown>;
  content?: Content;
}

interface Parameter {
  name: string;
  in: 'path' | 'query' | 'header';
  required: boolean;
  description: string;
  schema: unknown;
}

type Content = Record<string, { schema: unknown }>;

/** @param basePath Below which the server hangs. */
export function openApiDocument(basePath = '/'): OpenApiDocument {
  const paths: OpenApiDocument['paths'] = {};
  for (const operation of OPERATIONS) {
    const path = API_PATH + operation.path;
    const known = paths[path] ?? {};
    paths[path] = known;
    known[operation.method.toLowerCase()] = describe(operation);
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'atlas-batch',
      version: API_VERSION,
      description:
        'Adds batches of documents, follows them to their end, and reads what was extracted. Errors are problems (RFC 9457) with a code.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: basePath }],
    security: [{ token: [] }],
    paths,
    components: { securitySchemes: { token: SECURITY }, schemas: componentSchemas() },
  } as OpenApiDocument;
}

const SECURITY = {
  type: 'http',
  scheme: 'bearer',
  description: 'A token that `atlas-batch token` has made.',
};

function componentSchemas(): Record<string, z.core.JSONSchema.BaseSchema> {
  const schemas = toPortableSchemas(NAMED, refTo);
  return Object.fromEntries(
    Object.entries(schemas).map(([name, { $schema, $id, ...schema }]) => [name, schema]),
  );
}

function describe(operation: Operation): DescribedOperation {
  const { operationId, summary, description, action, body } = operation;
  const roles = `Roles: ${rolesFor(action).join(', ')}.`;
  return {
    operationId,
    summary,
    description: description === undefined ? roles : `${description} ${roles}`,
    parameters: parametersOf(operation),
    ...(body && {
      requestBody: {
        required: body.required,
        description: body.description,
        content: contentOf(body.contentType, body.schema),
      },
    }),
    responses: { ...goodResponses(operation), ...problemResponses(operation) },
  };
}

function parametersOf({ path, query, headers = {} }: Operation): Parameter[] {
  const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name);
  const inPath = names.map(
    (name): Parameter => ({
      ...{ name, in: 'path', required: true },
      description: 'The name of the batch.',
      schema: referenceSchema(),
    }),
  );
  const { properties = {} } = query ? toPortableSchema(query) : {};
  const inQuery = Object.entries(properties).map(([name, schema]): Parameter => {
    const { description = '', ...rest } = Object(schema);
    return { name, in: 'query', required: false, description, schema: rest };
  });
  const inHeaders = Object.entries(headers).map(
    ([name, description]): Parameter => ({
      ...{ name, in: 'header', required: false, description },
      schema: { type: 'string' },
    }),
  );
  return [...inPath, ...inQuery, ...inHeaders];
}

function referenceSchema(): unknown {
  const { $schema, description, ...schema } = toPortableSchema(batchRequestSchema.shape.reference);
  return schema;
}

function goodResponses({ responses }: Operation): Record<string, DescribedResponse> {
  return Object.fromEntries(
    Object.entries(responses).map(([status, { description, contentType, schema }]) => [
      status,
      { description, ...(schema && { content: contentOf(contentType, schema) }) },
    ]),
  );
}

/** One per status, with the codes that it may have. */
function problemResponses({ problems, body }: Operation): Record<string, DescribedResponse> {
  const codes = [...GENERAL, ...problems, ...(body ? (['UNSUPPORTED_MEDIA_TYPE'] as const) : [])];
  const statuses = [...new Set(codes.map((code) => PROBLEMS[code][0]))].sort();
  return Object.fromEntries(
    statuses.map((status) => {
      const meanings = codes
        .filter((code) => PROBLEMS[code][0] === status)
        .map((code) => `\`${code}\`: ${PROBLEMS[code][1]}`);
      const response = {
        description: meanings.join(' '),
        ...((status === 429 || status === 503) && { headers: RETRY_AFTER }),
        content: contentOf(PROBLEM_TYPE, problemSchema),
      };
      return [status, response];
    }),
  );
}

const RETRY_AFTER = {
  'Retry-After': { description: 'Seconds to wait.', schema: { type: 'integer', minimum: 0 } },
};

/** Of what is not JSON as a whole, the schema is that of a line. */
function contentOf(contentType = 'application/json', schema: z.ZodType): Content {
  const described = schemaOf(schema);
  if (contentType.endsWith('json') && !contentType.endsWith('ndjson')) {
    return { [contentType]: { schema: described } };
  }
  const { $ref = '' } = Object(described);
  const what = contentType.endsWith('ndjson') ? 'Lines of JSON, each' : 'Events, the data of each';
  const description = `${what} a ${$ref.split('/').at(-1)}.`;
  return { [contentType]: { schema: { type: 'string', description, 'x-item-schema': described } } };
}

function schemaOf(schema: z.ZodType): unknown {
  const name = NAMES.get(schema);
  if (name !== undefined) return { $ref: refTo(name) };
  const { $schema, ...rest } = toPortableSchema(schema);
  return rest;
}
