/** What the page of batches says of webhooks that were given up, with the form that sends them again. Pure. */
import { plural } from '../../plural.js';
import { html, type Markup } from '../html.js';
import { DASHBOARD_PATH } from './dashboard-path.js';

/** Nothing while there is none. */
export function webhookNote(givenUp: number, mayChange: boolean): Markup | false {
  if (givenUp === 0) return false;
  return html`<div class="note error paused" role="status"><p>${plural(givenUp, 'webhook was', 'webhooks were')} given up: the receiver did not take them for a day, or wants no more of them.</p>
${mayChange && html`<form method="post" action="${DASHBOARD_PATH}/redeliver"><button class="primary">Send all of them again</button></form>`}</div>`;
}
