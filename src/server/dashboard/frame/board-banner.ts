/** What is wrong with the whole of it, put into the pages of Bull Board, which are not ours. Pure. */
import type { SystemState } from '../../health/read-system.js';
import { html } from '../../html.js';
import { BOARD_SCRIPT_PATH, BOARD_STYLE_PATH } from '../assets.js';
import { pauseBanner } from '../pause/pause-controls.js';
import { conditionsOf } from './conditions.js';
import { conditionMarkup } from './layout.js';

/**
 * @param system Null when Redis does not answer.
 * @param prefix What stands before every path.
 */
export function withBanner(page: string, system: SystemState | null, prefix: string): string {
  const links = html`<link rel="stylesheet" href="${prefix + BOARD_STYLE_PATH}">
<script defer src="${prefix + BOARD_SCRIPT_PATH}"></script>
</head>`;
  const banner = html`<section class="unseen" aria-label="atlas-batch"><h1>Queues</h1></section>
<div id="system" role="status">${conditionsOf(system).map(conditionMarkup)}${system && pauseBanner(system.pause, false)}</div>
</body>`;
  return page.replace('</head>', () => links.text).replace('</body>', () => banner.text);
}
