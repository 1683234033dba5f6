/** What the page of a batch shows of its webhooks. Pure. */
import type { WebhookDelivery } from '../../../batches/events/webhook-deliveries.js';
import { readTimedLine } from '../../../batches/status/timed-line.js';
import { plural } from '../../../plural.js';
import { html, type Markup } from '../../html.js';
import { exactTime, isoTime } from '../time-markup.js';
import { batchPath, timeUntil } from './pieces.js';

const STATE_WORDS: Record<WebhookDelivery['state'], string> = {
  waiting: 'on its way',
  delivered: 'delivered',
  'given-up': 'given up',
};
/** Pills that other states have too. */
const STYLES: Record<WebhookDelivery['state'], string> = {
  waiting: 'processing',
  delivered: 'completed',
  'given-up': 'failed',
};

/** Nothing where no event of the batch went to a webhook. */
export function webhookCard(
  reference: string,
  deliveries: readonly WebhookDelivery[],
  { now, mayChange }: { now: number; mayChange: boolean },
): Markup | false {
  if (deliveries.length === 0) return false;
  const events = deliveries.map(
    ({ eventId, type, state, nextAttemptAt, attempts }) => html`<tr>
<td class="wide"><b class="mono">${eventId}</b> <small class="dim">${type}</small>${attempts.length > 0 && html`<ol class="timeline">${[...attempts].reverse().map(attempt)}</ol>`}</td>
<td class="nowrap end"><span class="pill ${STYLES[state]}">${STATE_WORDS[state]}</span>${nextAttemptAt !== null && html` <small class="dim">next ${timeUntil(isoTime(nextAttemptAt), now)}</small>`}</td>
</tr>`,
  );
  return html`<section class="card" id="webhook"><h2>Webhook<small>${plural(deliveries.length, 'event')}</small></h2>
<table><tbody>${events}</tbody></table>
${mayChange && html`<form class="foot" method="post" action="${batchPath(reference)}/redeliver"><button>Send the latest again</button></form>`}
</section>`;
}

function attempt(line: string): Markup {
  const { at, text } = readTimedLine(line);
  return html`<li>${at && exactTime(at)}${text}</li>`;
}
