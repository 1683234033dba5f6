/** Times of pages: in UTC, by the clock of Redis. The script adds the local time for whoever points at one. */
import { html, type Markup } from '../html.js';

const MINUTE = 'yyyy-mm-ddThh:mm'.length;

export function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}

/** `2026-11-23 12:03:45.678`, where the order of things matters. */
export function exactTime(iso: string): Markup {
  return html`<time datetime="${iso}">${iso.replace('T', ' ').replace('Z', '')}</time>`;
}

/** `2026-11-23 12:03 UTC` */
export function utcTime(ms: number): Markup {
  const iso = isoTime(ms);
  return html`<time datetime="${iso}">${iso.slice(0, MINUTE).replace('T', ' ')} UTC</time>`;
}
