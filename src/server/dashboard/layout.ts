/** The frame of every page. */
import type { Pause } from '../../gate/pause.js';
import { plural } from '../../plural.js';
import { SCRIPT_PATH, STYLE_PATH } from './assets.js';
import { BATCHES_PATH } from './batches/pieces.js';
import { DASHBOARD_PATH } from './dashboard-path.js';
import { html, type Markup } from './html.js';

export interface Frame {
  title: string;
  /** Workers that live, of all processes. */
  workers: number;
  /** Somebody has stopped the sending; null when batches are sent. */
  pause: Pause | null;
  /** Seconds until the page is read again; 0 for never. */
  refreshSeconds: number;
}

export function page({ title, workers, pause, refreshSeconds }: Frame, main: Markup): string {
  const alive = workers > 0;
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<meta name="color-scheme" content="light dark">
<title>${title} · atlas-batch</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="${STYLE_PATH}">
<script defer src="${SCRIPT_PATH}"></script>
</head>
<body data-refresh="${refreshSeconds}">
<header class="top">
<a class="brand" href="${BATCHES_PATH}"><svg viewBox="0 0 24 24" width="24" height="24" aria-hidden="true"><rect x="1" y="1" width="22" height="22" rx="6"/><path d="M6.5 15.5 12 18.5l5.5-3M6.5 12 12 15l5.5-3M12 5.5 6.5 8.5 12 11.5l5.5-3z"/></svg>atlas-batch</a>
<nav><a href="${BATCHES_PATH}" aria-current="page">Batches</a><a href="${DASHBOARD_PATH}/">Queues</a></nav>
<span class="alive ${alive ? 'yes' : 'no'}" id="alive">${alive ? plural(workers, 'worker') : 'no worker is alive'}</span>
</header>
<main id="main">
${pause && html`<p class="note error" role="status">${describePause(pause)}</p>`}
${main}
</main>
<footer>Times are UTC, by the clock of Redis. <span id="stale" hidden>This page could not be read again: what it shows is old.</span></footer>
</body>
</html>
`.text;
}

function describePause({ since, until, reason, by }: Pause): string {
  const who = by === null ? '' : ` by ${by}`;
  const why = reason === null ? '' : `: ${reason}`;
  const end = until === null ? 'until somebody resumes' : `until ${until}`;
  return `No upload goes to Atlas. Paused${who} at ${since}, ${end}${why}`;
}
