/** Forms of the pages. */
import type { FastifyInstance } from 'fastify';

export function acceptForms(app: FastifyInstance): void {
  app.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'string' },
    (_request, body, done) => done(null, new URLSearchParams(String(body))),
  );
}

/** Longer ones make no log more readable. The forms have it too. */
export const MAX_REASON_LENGTH = 200;

/** What somebody gave as the reason. */
export function reasonIn(form: {
  get(name: string): string | null | undefined;
}): string | undefined {
  return form.get('reason')?.trim().slice(0, MAX_REASON_LENGTH) || undefined;
}

/** Fields by name; none of a body that is no form. */
export function readForm(body: unknown): ReadonlyMap<string, string> {
  return body instanceof URLSearchParams ? new Map(body) : new Map<string, string>();
}
