/** What the page of batches says of webhooks that were given up, with the way to send them again. Pure. */
import { plural } from '../../../../plural.js';
import { html, type Markup } from '../../../html.js';
import { BULK_PATH, GIVEN_UP } from '../bulk/bulk-page.js';

/** Nothing while there is none. */
export function webhookNote(givenUp: number, mayChange: boolean): Markup | false {
  if (givenUp === 0) return false;
  return html`<div class="note error paused" role="status"><p>${plural(givenUp, 'webhook was', 'webhooks were')} given up: the receiver did not take them for a day, or wants no more of them.</p>
${mayChange && html`<form action="${BULK_PATH}"><input type="hidden" name="action" value="redeliver"><button class="primary" name="which" value="${GIVEN_UP}">Send all of them again…</button></form>`}</div>`;
}
