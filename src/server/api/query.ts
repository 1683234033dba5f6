/** The parameters of a request, checked. Issues are sentences for people, and repeat no value. */
import { z } from 'zod';
import { nearestName } from '../nearest-name.js';
import { invalid } from './problem.js';

/** What an operation takes that names none. */
const NO_PARAMETERS = z.strictObject({});
/** Names come from outside. Longer ones are cut. */
const MAX_NAME_LENGTH = 64;

/** @throws ApiProblem naming all that is wrong. */
export function readQuery<Query>(
  schema: z.ZodType<Query> | undefined,
  given: Readonly<Record<string, unknown>>,
): Query | Record<string, never> {
  const repeated = Object.keys(given).filter((name) => Array.isArray(given[name]));
  if (repeated.length > 0) {
    throw refused(repeated.map((name) => `${shorten(name)} must be given once`));
  }
  const parsed = (schema ?? NO_PARAMETERS).safeParse(given, { error: describe });
  if (parsed.success) return parsed.data;
  const known = schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
  throw refused(parsed.error.issues.flatMap((issue) => sentencesOf(issue, known)));
}

function refused(issues: readonly string[]) {
  return invalid('INVALID_REQUEST', issues);
}

/** What a value must be, as the end of a sentence that begins with its name. */
function describe(issue: z.core.$ZodRawIssue): string | undefined {
  switch (issue.code) {
    case 'invalid_type':
      return 'must be a whole number';
    case 'too_small':
      return `must be at least ${issue.minimum}`;
    case 'too_big':
      return `must be at most ${issue.maximum}`;
    case 'invalid_value':
      return `must be one of ${issue.values.join(', ')}`;
    case 'invalid_format':
      return 'must be a time such as 2026-11-29T12:00:00Z';
    default:
      return undefined;
  }
}

function sentencesOf(issue: z.core.$ZodIssue, known: readonly string[]): string[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((name) => {
      const meant = nearestName(shorten(name), known);
      const question = meant ? `; did you mean ${meant}?` : '';
      return `${shorten(name)} is not a known parameter${question}`;
    });
  }
  return [`${issue.path.join('.')} ${issue.message}`];
}

function shorten(name: string): string {
  return name.slice(0, MAX_NAME_LENGTH);
}
