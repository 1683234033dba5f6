/** Names of jobs in Bull Board, and their data cut to what fits a screen. Pure. */
import { isObject } from '../../json.js';
import { countText, plural } from '../../plural.js';

/** Longest lists and texts that are shown. */
const SHOWN_ITEMS = 20;
const SHOWN_LENGTH = 2000;

type JobView = Partial<Record<'id' | 'name' | 'data' | 'progress', unknown>>;

/** `loan-8841 · LOAN_APP · 5 documents` */
export function nameOfBatch({ data, id }: JobView): string {
  const { reference, productType, documents } = fieldsOf(data);
  const count = Array.isArray(documents) ? plural(documents.length, 'document') : undefined;
  return joined([reference ?? id, productType, count]);
}

/** `loan-8841 · BATCH-… · 4 of 5 present · next poll 2026-11-23T12:00:12.000Z` */
export function nameOfPoll({ data, id, progress }: JobView): string {
  const { reference, atlasBatchId } = fieldsOf(data);
  const { present, total, nextPollAt } = fieldsOf(progress);
  return joined([
    reference ?? id,
    atlasBatchId,
    typeof total === 'number'
      ? `${countText(Number(present))} of ${countText(total)} present`
      : undefined,
    typeof nextPollAt === 'number' ? `next poll ${new Date(nextPollAt).toISOString()}` : undefined,
  ]);
}

/** `loan-8841 · batch.completed`, also of one on its way to the webhook. */
export function nameOfEvent({ data, id, name }: JobView): string {
  return joined([referenceOf({ data }) ?? id, name]);
}

/** Of a job of any queue; null when it says none. The webhook's event is within its body. */
export function referenceOf({ data }: Pick<JobView, 'data'>): string | null {
  const { reference = fieldsOf(fieldsOf(data).data).reference } = fieldsOf(data);
  return typeof reference === 'string' ? reference : null;
}

/** Cuts long lists and texts, and says how many items of a list were left out. */
export function shortened(value: unknown): unknown {
  if (typeof value === 'string') {
    return value.length > SHOWN_LENGTH ? `${value.slice(0, SHOWN_LENGTH)}…` : value;
  }
  if (Array.isArray(value)) {
    const shown = value.slice(0, SHOWN_ITEMS).map(shortened);
    const left = value.length - shown.length;
    return left > 0 ? [...shown, `… and ${countText(left)} more`] : shown;
  }
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, shortened(part)]));
}

function fieldsOf(value: unknown): Record<string, unknown> {
  return isObject(value) ? value : {};
}

function joined(parts: unknown[]): string {
  return parts.filter((part) => part !== undefined && part !== null).join(' · ');
}
