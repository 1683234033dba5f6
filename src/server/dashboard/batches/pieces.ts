/** Parts that both pages use. Pure. */
import type { BatchStatus, ListedStatus } from '../../../batches/status.js';
import type { Reason } from '../../../errors.js';
import { DASHBOARD_PATH } from '../dashboard-path.js';
import { html, type Markup } from '../html.js';

export const BATCHES_PATH = `${DASHBOARD_PATH}/batches`;

export function batchPath(reference: string): string {
  return `${BATCHES_PATH}/${encodeURIComponent(reference)}`;
}

const STATE_WORDS: Record<BatchStatus['state'], string> = {
  queued: 'Queued',
  submitting: 'Submitting',
  processing: 'In flight',
  completed: 'Completed',
  failed: 'Failed',
};

export function statePill(status: ListedStatus): Markup {
  const cancelled = status.summary?.reason?.code === 'CANCELLED';
  const style = cancelled ? 'cancelled' : status.lastError ? 'error' : status.state;
  const word = cancelled ? 'Cancelled' : status.lastError ? 'Error' : STATE_WORDS[status.state];
  return html`<span class="pill ${style}">${word}</span>`;
}

export function progressBar(
  { present, total }: { present: number; total: number },
  style: string,
): Markup {
  return html`<span class="progress"><progress class="${style}" max="${Math.max(1, total)}" value="${present}">${present} of ${total}</progress><span class="count"><b>${present}</b> / ${total}</span></span>`;
}

export function reasonMarkup({ code, message }: Reason): Markup {
  return html`<code class="code">${code}</code> ${message}`;
}

/** Links to the pages before and after this one; nothing when there is but one page. */
export function pager(
  current: number,
  pages: number,
  pathOf: (page: number) => string,
  [before, after]: [string, string],
): Markup | false {
  if (pages <= 1 && current === 1) return false;
  return html`<nav class="pager" aria-label="Pages"><span>Page ${current.toLocaleString('en')} of ${pages.toLocaleString('en')}</span><div>
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

export function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}
