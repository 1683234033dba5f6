/**
 * What lists tell batches by: a short text in the hash of each batch job, which ends with the job. It holds
 * the same few values for many batches, so that a script that counts them judges each text once. Pure.
 */
import type { Reason, ReasonCode } from '../../errors.js';
import { type BatchRequest, DEFAULT_PRIORITY, type Priority } from '../request/request.js';
import type { BatchState } from './batch-state.js';

/** The field of the hash. BullMQ knows no field of this name. */
export const FACTS_FIELD = 'facts';

/**
 * `queued`: no worker has begun. `submitting`: documents are checked and sent. `in-line`: an upload waits
 * for its turn. `processing`: Atlas is at work, and is polled. `cancelled` is a failure that somebody asked for.
 */
export type ListedState =
  | 'queued'
  | 'submitting'
  | 'in-line'
  | 'processing'
  | 'completed'
  | 'failed'
  | 'cancelled';

/** Each of them. */
export const LISTED_STATES: readonly ListedState[] = [
  'queued',
  'submitting',
  'in-line',
  'processing',
  'completed',
  'failed',
  'cancelled',
];

export interface ListedFacts {
  state: ListedState;
  /** Empty until the batch has failed. */
  code: ReasonCode | '';
  /** Empty when the job is no valid batch. */
  productType: string;
  /** Empty when the batch names none. */
  tenant: string;
  priority: Priority;
}

/** None of the values holds one: they are printable. */
const SEPARATOR = '\t';

function writeFacts({ state, code, productType, tenant, priority }: ListedFacts): string {
  return [state, code, productType, tenant, priority].join(SEPARATOR);
}

/** Of a text that {@link factsOf} or the script of lists has made. */
export function readFacts(text: string): ListedFacts {
  const [state, code = '', productType = '', tenant = '', priority] = text.split(SEPARATOR);
  return { state, code, productType, tenant, priority } as ListedFacts;
}

/** @param request Null when the job is no valid batch. */
export function factsOf(request: BatchRequest | null, state: BatchState): string {
  const code = state.outcome?.reason?.code ?? '';
  return writeFacts({
    state: code === 'CANCELLED' ? 'cancelled' : (state.outcome?.status ?? stateUnended(state)),
    code,
    productType: request?.productType ?? '',
    tenant: request?.tenant ?? '',
    priority: request?.priority ?? DEFAULT_PRIORITY,
  });
}

/** A failure that somebody asked for is none. @param status As `BatchStatus`, or less of it. */
export function listedState({
  state,
  summary,
}: {
  state: Exclude<ListedState, 'cancelled'>;
  summary: { reason?: Reason | undefined } | null;
}): ListedState {
  return summary?.reason?.code === 'CANCELLED' ? 'cancelled' : state;
}

/**
 * Of a batch that has not ended; null before the first save of its state. In line for as long as its deadline
 * stands still, which is until a worker takes it: its uploads have left the line before.
 */
export function stateUnended(
  state: BatchState | null,
): Exclude<ListedState, 'completed' | 'failed' | 'cancelled'> {
  if (!state) return 'queued';
  if (state.inLineSince !== undefined) return 'in-line';
  const unsent = state.uploads.some(({ state }) => state === 'planned' || state === 'sending');
  return unsent || state.uploads.length === 0 ? 'submitting' : 'processing';
}
