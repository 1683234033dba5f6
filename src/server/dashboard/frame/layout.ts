/** The frame of every page: how the whole of it stands, and who reads it. Pure. */
import { plural } from '../../../plural.js';
import type { SystemState } from '../../health/read-system.js';
import { html, type Markup } from '../../html.js';
import { mayChange, type Operator } from '../../login/operator.js';
import { pageHead } from '../../page-head.js';
import { SCRIPT_PATH, STYLE_PATH } from '../assets.js';
import { BATCHES_PATH, DASHBOARD_PATH, WORKERS_PATH } from '../dashboard-path.js';
import { pauseBanner } from '../pause/pause-controls.js';
import { utcTime } from '../time-markup.js';
import { type Condition, conditionsOf } from './conditions.js';

export interface Frame {
  title: string;
  /** Where it is in the navigation; default: among the batches. */
  path?: string;
  /** Null when Redis does not answer, and undefined when it was not asked. */
  system: SystemState | null | undefined;
  /** Who reads it; null when nobody has logged in. */
  operator: Operator | null;
  /** Seconds until the page is read again; 0 for never. */
  refreshSeconds: number;
  /** What the page is of, for the tab of the browser; default: how the whole of it stands. */
  state?: { word: string; tone: Tone };
}

/** Of the icon. */
export type Tone = 'good' | 'busy' | 'warning' | 'bad' | 'quiet';

const COLOURS: Record<Tone, string> = {
  good: '#17b26a',
  busy: '#1d6fe0',
  warning: '#f0a020',
  bad: '#d92d20',
  quiet: '#8b95a7',
};

const PAGES = [
  ['Batches', BATCHES_PATH],
  ['Workers', WORKERS_PATH],
  ['Queues', `${DASHBOARD_PATH}/`],
] as const;

export function page(frame: Frame, main: Markup): string {
  const { title, path = BATCHES_PATH, system, operator, refreshSeconds, state } = frame;
  const conditions = system === undefined ? [] : conditionsOf(system);
  const tone = state?.tone ?? toneOf(conditions);
  const words = [title, ...(state ? [state.word] : []), 'atlas-batch'].join(' · ');
  const links = html`<link rel="icon" id="icon" href="${iconOf(tone)}">
<link rel="stylesheet" href="${STYLE_PATH}">
<script defer src="${SCRIPT_PATH}"></script>`;
  return html`${pageHead(conditions.length > 0 ? `⚠ ${words}` : words, links)}<body data-refresh="${refreshSeconds}">
<a class="skip" href="#main">Skip to the content</a>
<header class="top">
<a class="brand" href="${BATCHES_PATH}"><svg viewBox="0 0 24 24" width="24" height="24" aria-hidden="true"><rect x="1" y="1" width="22" height="22" rx="6"/><path d="M6.5 15.5 12 18.5l5.5-3M6.5 12 12 15l5.5-3M12 5.5 6.5 8.5 12 11.5l5.5-3z"/></svg>atlas-batch</a>
<nav aria-label="Dashboard">${PAGES.map(([word, one]) => html`<a href="${one}"${one === path && html` aria-current="page"`}>${word}</a>`)}</nav>
<button type="button" class="quiet" id="refresh" aria-pressed="false" hidden>Pause refresh</button>
${alive(system)}
${operator && html`<span class="person" title="${mayChange(operator) ? 'may change batches' : 'may change nothing'}">${operator.name}</span>`}
</header>
<div id="system" role="status">${conditions.map(conditionMarkup)}</div>
<main id="main" tabindex="-1">
${system && pauseBanner(system.pause, mayChange(operator))}
${main}
</main>
<footer>Times are UTC, by the clock of Redis; point at one for your own. <span id="stale" role="status" hidden>This page could not be read again: what it shows is old.</span></footer>
</body>
</html>
`.text;
}

function alive(system: Frame['system']): Markup | false {
  if (!system) return false;
  const { length } = system.workers;
  const none =
    system.writeRefusal === null ? 'no worker is alive' : 'workers cannot say that they live';
  return html`<a class="alive ${length > 0 ? 'yes' : 'no'}" id="alive" href="${WORKERS_PATH}">${length > 0 ? plural(length, 'worker') : none}</a>`;
}

export function conditionMarkup({ level, text, since }: Condition): Markup {
  return html`<p class="note ${level === 'error' ? 'failed' : 'error'}">${text}${since !== null && html` <span class="nowrap">Since ${utcTime(since)}.</span>`}</p>`;
}

function toneOf(conditions: readonly Condition[]): Tone {
  if (conditions.length === 0) return 'good';
  return conditions.some(({ level }) => level === 'error') ? 'bad' : 'warning';
}

function iconOf(tone: Tone): string {
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><circle cx="8" cy="8" r="7" fill="${COLOURS[tone]}"/></svg>`;
  return `data:image/svg+xml,${encodeURIComponent(svg)}`;
}
