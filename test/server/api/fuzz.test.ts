/**
 * Requests that are drawn from the document of the API: values of its schemas, values near them, and none
 * of the kind. Whatever comes, the response is one that the document has, and tells of nothing inside.
 */
import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { startApi } from './test-api.js';

const RUNS = 400;
const SEED = 20261129;

interface Schema {
  type?: string;
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  enum?: unknown[];
  $ref?: string;
  [more: string]: unknown;
}

interface Operation {
  parameters: { name: string; in: 'path' | 'query' | 'header'; schema: Schema }[];
  requestBody?: { content: Record<string, { schema: Schema }> };
  responses: Record<string, { content?: Record<string, { schema: Schema }> }>;
}

const document = JSON.parse(readFileSync('schemas/openapi.json', 'utf8'));
const OPERATIONS = Object.entries<Record<string, Operation>>(document.paths).flatMap(
  ([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ method, path, operation })),
);

const ajv = addFormats.default(new Ajv2020({ strict: false }));
ajv.addSchema(document, 'api');

/** What is no value of any schema, and what breaks programs. */
const ODD = fc.oneof(
  fc.constantFrom<unknown>(null, true, 0, -1, 1e308, '', '..', '\u0000', '__proto__', '💥'),
  fc.constantFrom<unknown>([], {}, 'constructor', '%00', '0-0', '9'.repeat(40), 'x'.repeat(300)),
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.jsonValue({ maxDepth: 2 }),
);

function near(schema: Schema, depth = 0): fc.Arbitrary<unknown> {
  const drawn = drawnOf(schema, depth);
  return fc.oneof({ weight: 29, arbitrary: drawn }, { weight: 1, arbitrary: ODD });
}

function drawnOf(schema: Schema, depth: number): fc.Arbitrary<unknown> {
  if (schema.$ref !== undefined) return near(resolve(schema.$ref), depth);
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  switch (schema.type) {
    case 'integer':
      return fc.integer({ min: -1, max: 2 });
    case 'array':
      return fc.array(near(schema.items ?? {}, depth + 1), { maxLength: 3 });
    case 'object': {
      const members = Object.entries(schema.properties ?? {});
      const required = schema.required ?? [];
      const drawn = (some: typeof members) =>
        Object.fromEntries(some.map(([name, one]) => [name, near(one, depth + 1)]));
      return fc.oneof(
        fc.record(drawn(members), { requiredKeys: required }),
        fc.record(drawn(members.filter(([name]) => required.includes(name)))),
      );
    }
    default:
      // References that are there, so that some requests get past the first check.
      return fc.oneof(fc.constantFrom('of-a', 'of-b', 'loans'), fc.stringMatching(/^[\w.-]{1,9}$/));
  }
}

function resolve(ref: string): Schema {
  const name = ref.split('/').at(-1) ?? '';
  return document.components.schemas[name];
}

const asText = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value));

/** A call: all that is needed to send it again. */
function callOf({ method, path, operation }: (typeof OPERATIONS)[number]) {
  const [[type, { schema }] = ['', { schema: {} }]] = Object.entries(
    operation.requestBody?.content ?? {},
  );
  const item = (schema as { 'x-item-schema'?: Schema })['x-item-schema'];
  const bodies = item
    ? fc.array(near(item), { maxLength: 4 }).map((lines) => lines.map(asText).join('\n'))
    : fc.oneof(
        { weight: 9, arbitrary: near(schema).map((value) => JSON.stringify(value)) },
        { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 30 }) },
      );
  return fc.record({
    method: fc.constant(method),
    path: fc.constant(path),
    values: fc.tuple(
      ...operation.parameters.map(({ schema }) => fc.option(near(schema), { freq: 4 })),
    ),
    holder: fc.constantFrom('submitA', 'submitB', 'readA', 'read', 'operate', 'operateA'),
    body: type === '' ? fc.constant(undefined) : fc.option(bodies, { nil: undefined, freq: 9 }),
    type: fc.oneof(
      { weight: 19, arbitrary: fc.constant(type) },
      { weight: 1, arbitrary: fc.constantFrom('text/plain', 'application/json', 'x') },
    ),
    parameters: fc.constant(operation.parameters),
    responses: fc.constant(operation.responses),
  });
}

// A stream of events does not end.
const CALLS = fc.oneof(...OPERATIONS.filter(({ path }) => !path.endsWith('/events')).map(callOf));

/** A stack, a path of ours, an address, a library, a command of Redis, a hash of a token. */
const INSIDE =
  /\n\s+at |node_modules|\/src\/|\/dist\/|127\.0\.0\.1|ioredis|bullmq|\bHGET\b|ECONN|ReplyError|\b[0-9a-f]{64}\b|\{t-/i;

it('no request that the document leads to, or that is near one, is answered by what it does not have', async () => {
  const { call } = await startApi();
  const documents = [{ documentId: '1', bucket: 'loans', key: 'k' }];
  await call('submitA', 'PUT /batches/of-a', { payload: { productType: 'X', documents } });
  await call('submitB', 'PUT /batches/of-b', { payload: { productType: 'CANARY', documents } });
  const seen = new Set<number>();
  await fc.assert(
    fc.asyncProperty(CALLS, async (drawn) => {
      const { method, holder, body, type, parameters, values, responses } = drawn;
      let path = drawn.path.slice('/api/v1'.length);
      const query = new URLSearchParams();
      for (const [i, { name, in: where }] of parameters.entries()) {
        const value = asText(values[i] ?? (where === 'path' ? 'none' : null));
        if (where === 'path') {
          // Dots alone lead to another path, and nothing to none.
          const part = /^\.{0,2}$/.test(value) ? '-' : value.toWellFormed();
          path = path.replace(`{${name}}`, () => encodeURIComponent(part));
        } else if (values[i] !== null && name !== 'wait') query.set(name, value.toWellFormed());
      }
      const response = await call(holder, `${method.toUpperCase()} ${path}?${query}`, {
        ...(body !== undefined && { payload: body, headers: { 'content-type': type } }),
      });
      const { statusCode } = response;
      seen.add(statusCode);
      expect(statusCode).toBeLessThan(500);
      const described = responses[statusCode];
      expect(described, `status ${statusCode}`).toBeDefined();
      const [[contentType, { schema }] = ['', { schema: {} }]] = Object.entries(
        described?.content ?? {},
      );
      expect(String(response.headers['content-type']).split(';')[0]).toBe(contentType);
      expect(response.body).not.toMatch(INSIDE);
      if (holder.endsWith('A')) expect(response.body).not.toContain('CANARY');
      const item = (schema as { 'x-item-schema'?: Schema })['x-item-schema'];
      const texts = item
        ? response.body.split('\n').filter((line) => line !== '')
        : [response.body];
      const { $ref = '' } = item ?? schema;
      const validate = ajv.getSchema(`api${$ref}`);
      for (const text of texts) {
        expect([validate?.(JSON.parse(text)), validate?.errors]).toEqual([true, null]);
      }
    }),
    { numRuns: RUNS, seed: SEED },
  );
  // Otherwise the requests were too odd to get anywhere, or not odd enough.
  for (const status of [200, 201, 202, 400, 403, 404, 409, 415, 422])
    expect(seen).toContain(status);
});
