/** Forms of the pages. */
import type { FastifyInstance } from 'fastify';
import { readReason } from '../../check-options.js';

export function acceptForms(app: FastifyInstance): void {
  app.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'string' },
    (_request, body, done) => done(null, new URLSearchParams(String(body))),
  );
}

/** What somebody gave as the reason. @throws UsageError for one that is longer than the forms take. */
export function reasonIn(form: {
  get(name: string): string | null | undefined;
}): string | undefined {
  return readReason('the reason', form.get('reason') ?? undefined);
}

/** Fields by name; none of a body that is no form. */
export function readForm(body: unknown): ReadonlyMap<string, string> {
  return body instanceof URLSearchParams ? new Map(body) : new Map<string, string>();
}
