/**
 * What goes wrong with a request, as RFC 9457 has it: `application/problem+json` with a `code` for
 * programs and every issue. Nothing that was sent is repeated but names of what is wrong.
 */
import { STATUS_CODES } from 'node:http';
import { z } from 'zod';
import { BatchRunningError, ResultsGoneError } from '../../client/client-errors.js';
import {
  ClientClosedError,
  RedisUnavailableError,
  TransientError,
  UnknownReferenceError,
} from '../../errors.js';

/** Every code, with its status and what it says to whoever reads it in the document. */
export const PROBLEMS = {
  INVALID_REQUEST: [
    400,
    'The request is not what the document says; `issues` names what is wrong.',
  ],
  UNAUTHORIZED: [401, 'There is no token, or it is not known.'],
  FORBIDDEN: [403, 'The role or the tenant of the token does not allow it.'],
  NOT_FOUND: [404, 'There is no such route.'],
  UNKNOWN_REFERENCE: [404, 'No batch of that reference is known to this token.'],
  METHOD_NOT_ALLOWED: [405, 'The route has other methods: those of `Allow`.'],
  REFERENCE_TAKEN: [409, 'The reference is taken.'],
  STILL_RUNNING: [409, 'The batch has not ended.'],
  ALREADY_ENDED: [409, 'The batch has ended.'],
  NOT_FAILED: [409, 'Only a failed batch can be retried.'],
  RESULTS_GONE: [410, 'The batch has ended, and its results are no longer stored.'],
  TOO_LARGE: [413, 'The body is too large.'],
  UNSUPPORTED_MEDIA_TYPE: [415, 'The body is of another content type than the document says.'],
  INVALID_JOB: [422, 'The batch is not valid; `issues` names everything that is wrong.'],
  TOO_MANY_REQUESTS: [429, 'The token, or the server, has as much to do as it may.'],
  INTERNAL: [500, 'Nobody foresaw this. The log of the server has more.'],
  UNAVAILABLE: [
    503,
    'Redis or S3 does not respond, or refuses it, or the server stops. Try again.',
  ],
} as const satisfies Record<string, readonly [status: number, meaning: string]>;

export type ProblemCode = keyof typeof PROBLEMS;

const CODES = Object.keys(PROBLEMS) as ProblemCode[];

export const PROBLEM_TYPE = 'application/problem+json';

export const problemSchema = z.object({
  type: z.literal('about:blank'),
  title: z.string().describe('The name of the status.'),
  status: z.int(),
  code: z.enum(CODES).describe('For programs.'),
  detail: z.string().describe('For people.'),
  issues: z.array(z.string()).optional().describe('One sentence per issue, all of them.'),
});

type Problem = z.infer<typeof problemSchema>;

interface ProblemOptions {
  /** For people. Default: what the code means. */
  detail?: string;
  issues?: readonly string[];
  retryAfterSeconds?: number;
}

/** How long a caller is asked to wait for a Redis or an S3 that is away. */
const RETRY_AFTER_SECONDS = 5;

/** A problem on its way to the caller. */
export class ApiProblem extends Error {
  readonly status: number;
  readonly retryAfterSeconds: number | undefined;
  private readonly issues: readonly string[] | undefined;

  constructor(
    readonly code: ProblemCode,
    { detail, issues, retryAfterSeconds }: ProblemOptions = {},
  ) {
    const [status, meaning] = PROBLEMS[code];
    super(detail ?? meaning);
    this.status = status;
    this.issues = issues;
    this.retryAfterSeconds = retryAfterSeconds;
  }

  get body(): Problem {
    const { code, status, message: detail, issues } = this;
    const title = STATUS_CODES[status] ?? '';
    return {
      type: 'about:blank',
      title,
      status,
      code,
      detail,
      ...(issues && { issues: [...issues] }),
    };
  }
}

/** The body is not what it should be. @param issues One sentence each. */
export function invalid(code: 'INVALID_REQUEST' | 'INVALID_JOB', issues: readonly string[]) {
  const what = code === 'INVALID_JOB' ? 'the batch' : 'the request';
  return new ApiProblem(code, { detail: `${what} is not valid: ${issues.join('; ')}`, issues });
}

/** What was thrown, as a problem. Only what nobody foresaw is `INTERNAL`. */
export function toProblem(error: unknown): ApiProblem {
  if (error instanceof ApiProblem) return error;
  if (error instanceof UnknownReferenceError) return new ApiProblem('UNKNOWN_REFERENCE');
  if (error instanceof BatchRunningError) return new ApiProblem('STILL_RUNNING');
  if (error instanceof ResultsGoneError) return new ApiProblem('RESULTS_GONE');
  if (
    error instanceof RedisUnavailableError ||
    error instanceof TransientError ||
    error instanceof ClientClosedError ||
    // The caller has gone away: nobody reads it.
    (error instanceof Error && error.name === 'AbortError')
  ) {
    return new ApiProblem('UNAVAILABLE', { retryAfterSeconds: RETRY_AFTER_SECONDS });
  }
  return ofStatus(Reflect.get(Object(error), 'statusCode'));
}

/** What Fastify refuses by itself. */
function ofStatus(status: unknown): ApiProblem {
  switch (status) {
    case 401:
      return new ApiProblem('UNAUTHORIZED');
    case 404:
      return new ApiProblem('NOT_FOUND');
    case 405:
      return new ApiProblem('METHOD_NOT_ALLOWED');
    case 413:
      return new ApiProblem('TOO_LARGE');
    case 415:
      return new ApiProblem('UNSUPPORTED_MEDIA_TYPE');
    case 429:
      return new ApiProblem('TOO_MANY_REQUESTS', { retryAfterSeconds: 1 });
    default:
      return typeof status === 'number' && status >= 400 && status < 500
        ? new ApiProblem('INVALID_REQUEST')
        : new ApiProblem('INTERNAL');
  }
}
