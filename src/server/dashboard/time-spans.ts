/** Spans of time that forms offer, by the value of the form. The command line takes any. */
import { html, type Markup } from '../html.js';

const HOUR_MS = 3_600_000;

export const TIME_SPANS: ReadonlyMap<string, { word: string; ms: number }> = new Map([
  ['30m', { word: '30 minutes', ms: HOUR_MS / 2 }],
  ['1h', { word: '1 hour', ms: HOUR_MS }],
  ['2h', { word: '2 hours', ms: 2 * HOUR_MS }],
  ['4h', { word: '4 hours', ms: 4 * HOUR_MS }],
  ['12h', { word: '12 hours', ms: 12 * HOUR_MS }],
  ['24h', { word: '24 hours', ms: 24 * HOUR_MS }],
]);

export function spanOptions(): Markup[] {
  return [...TIME_SPANS].map(
    ([value, { word }]) => html`<option value="${value}">${word}</option>`,
  );
}
