/**
 * What the page of a batch says of the action that led to it. The address names the action, and anybody can write an
 * address: so nothing is said that is not true of what is stored now. Pure.
 */
import { html, type Markup } from '../../html.js';
import type { ActionResult } from './actions.js';
import { duration, timeUntil } from './pieces.js';
import type { BatchView } from './read-batch.js';

interface Seen extends Pick<BatchView, 'status' | 'webhooks' | 'attemptsMade'> {
  /** Redis time in ms. */
  now: number;
}

type Words = Markup | string | null;

/** A poll that is due so soon is under way, as far as a person can tell. */
const DUE_MS = 1000;

/** Of each result what is said of a batch that has come to it; null of any other batch. */
const WORDS: Record<ActionResult, (seen: Seen) => Words> = {
  woken: ofPoll,
  // The page says so itself: that it was requested, or that it has ended so.
  cancelling: () => null,
  extended({ status: { deadline } }) {
    if (!deadline || deadline.extendedMs === 0) return null;
    return `It was given ${duration(deadline.extendedMs)} more, in all.`;
  },
  'no-time': () => 'How much more time it is given is one of the times in the list.',
  retried: (seen) =>
    isRunning(seen) && seen.attemptsMade > 0
      ? 'It is tried again: first what Atlas has is read, then what is missing is sent.'
      : null,
  ended: (seen) => (isRunning(seen) ? null : 'It had ended already.'),
  'not-failed': ({ status }) =>
    status.state === 'failed' ? null : 'Only a failed batch can be retried.',
  queued: ({ webhooks }) =>
    webhooks.some(({ state }) => state === 'waiting')
      ? 'Its latest event is queued for the webhook again.'
      : null,
  running: (seen) => (isRunning(seen) ? 'It has not ended: cancel it, or wait for its end.' : null),
  'not-confirmed': (seen) =>
    isRunning(seen) ? null : 'It is not erased: for that, its reference has to be typed.',
  'not-removed': (seen) =>
    isRunning(seen) ? null : 'It is not erased. Where S3 did not let it, the log says why.',
  // Of a batch that is gone there is no page.
  erased: () => null,
  unknown: () => null,
};

export function doneNote(done: ActionResult | null, seen: Seen): Markup | false {
  const words = done && WORDS[done](seen);
  return words !== null && html`<p class="note" role="status">${words}</p>`;
}

function isRunning({ status }: Seen): boolean {
  return status.summary === null;
}

/** Only what Atlas has can be polled. A batch that sleeps over an error is tried again, and may be refused again. */
function ofPoll({ status, now }: Seen): Words {
  const { summary, uploads, nextPollAt } = status;
  if (summary !== null) return null;
  if (!uploads.some(({ state }) => state === 'sent'))
    return 'There is nothing to poll yet: Atlas has nothing of it.';
  // By the time that the page is read it may have been polled.
  if (nextPollAt !== null && Date.parse(nextPollAt) > now + DUE_MS)
    return html`Its next poll is ${timeUntil(nextPollAt, now)}.`;
  return 'It is being polled now.';
}
