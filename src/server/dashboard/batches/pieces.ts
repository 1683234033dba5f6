/** Parts that several pages use. Pure. */
import type { LinePlace } from '../../../batches/status/line-place.js';
import type { ListedStatus } from '../../../batches/status/status.js';
import type { Reason } from '../../../errors.js';
import { describeHold } from '../../../gate/line.js';
import { type ListedState, listedState } from '../../../jobs/state/listed-facts.js';
import { countText } from '../../../plural.js';
import { html, type Markup } from '../../html.js';
import { BATCHES_PATH } from '../dashboard-path.js';
import type { Tone } from '../frame/layout.js';
import { isoTime } from '../time-markup.js';

export function batchPath(reference: string): string {
  return `${BATCHES_PATH}/${encodeURIComponent(reference)}`;
}

export const STATE_WORDS: Record<ListedState, string> = {
  queued: 'Queued',
  submitting: 'Submitting',
  'in-line': 'In line',
  processing: 'In flight',
  completed: 'Completed',
  failed: 'Failed',
  cancelled: 'Cancelled',
};

/** @param status As {@link ListedStatus}, or more. */
export function statePill(status: ListedStatus): Markup {
  const state = listedState(status);
  return hasError(status)
    ? html`<span class="pill error">Error</span>`
    : html`<span class="pill ${state}">${STATE_WORDS[state]}</span>`;
}

/** Whoever waits for its turn has none, whatever it met before. */
function hasError({ lastError, line }: ListedStatus): boolean {
  return lastError !== null && line === null;
}

/** What the tab of the browser says of a batch. */
export function tabState(status: ListedStatus): { word: string; tone: Tone } {
  const state = listedState(status);
  return hasError(status)
    ? { word: 'Error', tone: 'warning' }
    : { word: STATE_WORDS[state], tone: TONES[state] ?? 'busy' };
}

const TONES: Partial<Record<ListedState, Tone>> = {
  completed: 'good',
  failed: 'bad',
  cancelled: 'quiet',
  'in-line': 'quiet',
  queued: 'quiet',
};

export function progressBar(
  { present, total }: { present: number; total: number },
  style: ListedState,
): Markup {
  return html`<span class="progress"><progress class="${style}" max="${Math.max(1, total)}" value="${present}">${countText(present)} of ${countText(total)}</progress><span class="count"><b>${countText(present)}</b> / ${countText(total)}</span></span>`;
}

/** Longer messages are folded: that of an invalid batch names every fault. */
const SHORT_MESSAGE = 240;

/** For where blocks may stand. */
export function reasonMarkup({ code, message }: Reason): Markup {
  const space = message.length > SHORT_MESSAGE ? message.lastIndexOf(' ', SHORT_MESSAGE) : -1;
  const cut = message.length <= SHORT_MESSAGE ? message.length : space > 0 ? space : SHORT_MESSAGE;
  const [start, rest] = [message.slice(0, cut), message.slice(cut)];
  const word = html`<code class="code">${code}</code> ${start}`;
  return rest === ''
    ? word
    : html`<details class="long"><summary>${word}<span class="more">… all of it</span></summary><span>${rest}</span></details>`;
}

/** `place 12 of 340 in line: sending is paused, until …` */
export function linePlaceMarkup(line: LinePlace, now: number): Markup {
  const { place, uploads, until } = line;
  return html`place ${place.toLocaleString('en')} of ${uploads.toLocaleString('en')} in line: ${describeHold(line)}${until !== null && html`, which ends ${timeUntil(until, now)}`}`;
}

/** Links to the pages before and after this one; nothing when there is but one page. */
export function pager(
  current: number,
  pages: number,
  pathOf: (page: number) => string,
  [before, after]: [string, string],
): Markup | false {
  if (pages <= 1) return false;
  return html`<nav class="pager" aria-label="Parts of this list"><span>Page ${current.toLocaleString('en')} of ${pages.toLocaleString('en')}</span><div>
${current > 1 && html`<a class="button" href="${pathOf(current - 1)}">${before}</a>`}
${current < pages && html`<a class="button" href="${pathOf(current + 1)}">${after}</a>`}
</div></nav>`;
}

/** `under 1 s`, `12 s`, `3 min`, `2 h 5 min`, `4 d` */
export function duration(ms: number): string {
  const seconds = Math.max(0, ms) / 1000;
  if (seconds < 1) return 'under 1 s';
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return minutes % 60 ? `${hours} h ${minutes % 60} min` : `${hours} h`;
  return `${Math.floor(hours / 24)} d`;
}

export function timeAgo(ms: number, now: number): Markup {
  return html`<time datetime="${isoTime(ms)}" title="${isoTime(ms)}">${duration(now - ms)} ago</time>`;
}

/** `in 12 s`, or `now` for a time that has come. */
export function timeUntil(iso: string, now: number): Markup {
  const left = Date.parse(iso) - now;
  return html`<time datetime="${iso}" title="${iso}">${left < 1000 ? 'now' : `in ${duration(left)}`}</time>`;
}
