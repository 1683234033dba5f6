/** What the page of a batch says of the action that led to it. Pure. */
import type { BatchStatus } from '../../../batches/status/status.js';
import { html, type Markup } from '../../html.js';
import { ACTION_WORDS, type ActionResult } from './actions.js';

export function doneNote(done: ActionResult | null, status: BatchStatus): Markup | false {
  if (done === null) return false;
  const words = done === 'woken' ? ofPoll(status) : ACTION_WORDS[done];
  return html`<p class="note" role="status">${words}</p>`;
}

/** Only what Atlas has can be polled. A batch that sleeps over an error is tried again, and may be refused again. */
function ofPoll({ uploads }: BatchStatus): string {
  return uploads.some(({ state }) => state === 'sent')
    ? ACTION_WORDS.woken
    : 'There is nothing to poll yet: Atlas has nothing of it.';
}
