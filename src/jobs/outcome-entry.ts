/** What the stream of outcomes holds of each: its fields are all text, and what does not exist is empty. */
import { REASON_CODES, type ReasonCode } from '../errors.js';

/** An outcome, as it was announced. It names no document: those are in the event. */
export interface OutcomeEntry {
  /** Of the completion event. */
  eventId: string;
  /** Id of the event's job in `atlas-completions` and `atlas-webhooks`. */
  eventJobId: string;
  /** Null for a job that named none that is valid. */
  reference: string | null;
  /** Null for a batch without one. */
  tenant: string | null;
  status: 'completed' | 'failed';
  /** Why it failed. */
  code: ReasonCode | null;
}

/** Of the entry before, so that a reader who has read that one knows that it has missed none. */
export const PREVIOUS_FIELD = 'previous';

/** Names and values in turn. Each entry has the same names: Redis keeps them once for many. */
export function fieldsOfOutcome(entry: OutcomeEntry): string[] {
  return Object.entries({
    eventId: entry.eventId,
    eventJobId: entry.eventJobId,
    reference: entry.reference ?? '',
    tenant: entry.tenant ?? '',
    status: entry.status,
    code: entry.code ?? '',
  }).flat();
}

/** The entry, and the position of the one before. */
export function readOutcomeFields(fields: readonly string[]): {
  entry: OutcomeEntry;
  previous: string;
} {
  const values = new Map<string, string>();
  for (let i = 0; i + 1 < fields.length; i += 2) values.set(fields[i] ?? '', fields[i + 1] ?? '');
  const fieldOf = (name: string) => values.get(name) ?? '';
  return {
    entry: {
      eventId: fieldOf('eventId'),
      eventJobId: fieldOf('eventJobId'),
      reference: fieldOf('reference') || null,
      tenant: fieldOf('tenant') || null,
      status: fieldOf('status') === 'completed' ? 'completed' : 'failed',
      code: REASON_CODES.find((code) => code === fieldOf('code')) ?? null,
    },
    previous: fieldOf(PREVIOUS_FIELD) || '0-0',
  };
}
