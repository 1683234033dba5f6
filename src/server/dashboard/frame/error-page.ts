/** What a person sees in the place of a page, also while Redis is away. Pure. */
import { STATUS_CODES } from 'node:http';
import { html } from '../../html.js';
import { BATCHES_PATH } from '../dashboard-path.js';
import { type Frame, page } from './layout.js';

const SENTENCES: Record<number, string> = {
  400: 'The address, or what was sent with it, makes no sense here.',
  401: 'A name and a password are needed, and those that were sent are nobody’s.',
  403: 'This was not allowed: your role may change nothing, or the request came from another site.',
  404: 'There is no such page.',
  405: 'This cannot be done here.',
  429: 'Too many wrong passwords. Wait for a minute, then try again.',
  500: 'Something failed that nobody foresaw; the log of the server has it.',
};

interface ErrorView extends Pick<Frame, 'operator' | 'system' | 'refreshSeconds'> {
  /** What is wrong, where somebody knows more than the status says. */
  sentence: string | undefined;
  /** The page of what it was about. */
  back: string | null;
}

export function errorPage(status: number, view: ErrorView): string {
  const { operator, system, refreshSeconds, back } = view;
  const { sentence = SENTENCES[status] ?? 'The request could not be answered.' } = view;
  const title = STATUS_CODES[status] ?? 'Error';
  return page(
    { title, system, operator, refreshSeconds, state: { word: String(status), tone: 'bad' } },
    html`<section class="card"><h1 class="empty-title">${title}</h1>
<p class="empty">${sentence}</p>
${operator && html`<p class="empty">${back && html`<a class="button" href="${back}">Back to the batch</a> `}<a class="button" href="${BATCHES_PATH}">All batches</a></p>`}</section>`,
  );
}
