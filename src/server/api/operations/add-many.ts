/** `POST /batches:bulk`: adds many batches, a line of JSON each. Each line has a line in the response. */
import { isUtf8 } from 'node:buffer';
import { z } from 'zod';
import type { ClientQueues } from '../../../batches/client-queues.js';
import { addRequests, type EnqueueResult } from '../../../client/enqueue.js';
import { RedisUnavailableError } from '../../../errors.js';
import {
  type BatchRequest,
  batchRequestSchema,
  checkBatchRequest,
} from '../../../jobs/request/request.js';
import { isObject, parseJson } from '../../../json.js';
import { type Caller, withTenant } from '../access.js';
import { operation } from '../operation.js';
import { ApiProblem } from '../problem.js';

/** A hundred thousand batches of two documents. More go into another request. */
export const BULK_LIMIT_BYTES = 32 * 1024 * 1024;
/** Checked and added in one go; other requests get their turn between two of them. */
const LINES_AT_ONCE = 500;
const LINE_BREAK = 0x0a;

export const bulkLineSchema = z.object({
  line: z.int().min(1).describe('Of the request; blank lines count.'),
  reference: z.string().nullable().describe('Null when the line names none.'),
  status: z
    .enum(['added', 'duplicate', 'conflict', 'invalid', 'forbidden', 'unavailable'])
    .describe(
      'conflict: the reference is taken. invalid: see issues. forbidden: of another tenant. unavailable: try this line again.',
    ),
  issues: z.array(z.string()).optional().describe('One sentence per issue, all of them.'),
});

type BulkLine = z.infer<typeof bulkLineSchema>;

export const addMany = operation({
  operationId: 'addBatches',
  method: 'POST',
  path: '/batches:bulk',
  action: 'add',
  summary: 'Adds many batches',
  description:
    'A batch with its reference per line; the response has a line for each, in their order. A line that is wrong keeps no other from being added. Safe to repeat.',
  body: {
    contentType: 'application/x-ndjson',
    schema: batchRequestSchema,
    description: 'Batches, one per line.',
    limitBytes: BULK_LIMIT_BYTES,
    required: true,
  },
  responses: {
    200: {
      description: 'What became of each line.',
      contentType: 'application/x-ndjson',
      schema: bulkLineSchema,
    },
  },
  problems: ['TOO_LARGE'],
  async handle({ queues, logger }, { caller, body, address, holdOpen }) {
    if (!Buffer.isBuffer(body) || body.length === 0) {
      throw new ApiProblem('INVALID_REQUEST', { detail: 'the body must hold a batch per line' });
    }
    const close = holdOpen('bulk');
    const counted = (outcome: Record<string, number>) => {
      close();
      logger.info({ actor: caller.name, ...outcome, address }, 'batches were sent by the API');
    };
    return { status: 200, stream: addLines(queues, caller, body, counted) };
  },
});

/** A line, checked. */
type Checked = { request: BatchRequest } | Omit<BulkLine, 'line'>;

/** @param done Told how many lines ended how, also when the caller goes away. */
async function* addLines(
  queues: ClientQueues,
  caller: Caller,
  body: Buffer,
  done: (outcome: Record<string, number>) => void,
): AsyncGenerator<string> {
  const outcome: Record<string, number> = {};
  let isAway = false;
  try {
    for (const chunk of chunksOf(linesOf(body), LINES_AT_ONCE)) {
      const checked = chunk.map(({ text, line }) => ({ line, ...check(caller, text) }));
      const requests = checked.flatMap((each) => ('request' in each ? each.request : []));
      const results: EnqueueResult[] | null = isAway ? null : await addOrNull(queues, requests);
      isAway = results === null;
      const next = (results ?? requests.map(unavailable))[Symbol.iterator]();
      const lines = checked.map((each): BulkLine => {
        if (!('request' in each)) return each;
        const { reference, status } = next.next().value ?? unavailable(each.request);
        return { line: each.line, reference, status };
      });
      for (const { status } of lines) outcome[status] = (outcome[status] ?? 0) + 1;
      yield lines.map((each) => `${JSON.stringify(each)}\n`).join('');
    }
  } finally {
    done(outcome);
  }
}

/** Null when Redis is away: nobody waits for it once per chunk. */
async function addOrNull(
  queues: ClientQueues,
  requests: readonly BatchRequest[],
): Promise<EnqueueResult[] | null> {
  try {
    return requests.length === 0 ? [] : await addRequests(queues, requests);
  } catch (error) {
    if (error instanceof RedisUnavailableError) return null;
    throw error;
  }
}

function unavailable({ reference }: BatchRequest) {
  return { reference, status: 'unavailable' } as const;
}

function check(caller: Caller, text: string | null): Checked {
  if (text === null) {
    return { reference: null, status: 'invalid', issues: ['the line is not in UTF-8'] };
  }
  const data = parseJson(text);
  const named = isObject(data) && typeof data.reference === 'string' ? data.reference : null;
  if (data === undefined) {
    return { reference: null, status: 'invalid', issues: ['the line is no JSON'] };
  }
  try {
    const { valid, ...result } = checkBatchRequest(withTenant(caller, data));
    if ('request' in result) return { request: result.request };
    return { reference: named, status: 'invalid', issues: result.issues };
  } catch (error) {
    if (error instanceof ApiProblem) return { reference: named, status: 'forbidden' };
    throw error;
  }
}

/** Lines that are not blank, one at a time: all of them as text would be twice the body. */
function* linesOf(body: Buffer): Generator<{ line: number; text: string | null }> {
  let from = 0;
  for (let line = 1; from < body.length; line += 1) {
    const found = body.indexOf(LINE_BREAK, from);
    const end = found === -1 ? body.length : found;
    const text = textOf(body.subarray(from, end));
    if (text !== '') yield { line, text };
    from = end + 1;
  }
}

/** Null for what is not in UTF-8: with other characters in their place, its ids and keys would name other documents. */
function textOf(line: Buffer): string | null {
  return isUtf8(line) ? line.toString().trim() : null;
}

function* chunksOf<T>(items: Iterable<T>, size: number): Generator<T[]> {
  let chunk: T[] = [];
  for (const item of items) {
    chunk.push(item);
    if (chunk.length < size) continue;
    yield chunk;
    chunk = [];
  }
  if (chunk.length > 0) yield chunk;
}
