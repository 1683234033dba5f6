/** The two times between which batches can be asked for, in UTC, as an address and a form have them. Pure. */
import { html, type Markup } from '../../../html.js';

/** Each as `2026-11-29T02:00`, or whatever somebody has written; empty for any time. */
export interface ListTimes {
  from: string;
  to: string;
}

export interface QueryFault {
  /** The fields that somebody has to mend. */
  of: readonly (keyof ListTimes)[];
  /** What is wrong, in sentences. */
  text: string;
}

const PATTERN = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,3})?)?$/;
const MINUTE_LENGTH = '2026-11-29T02:00'.length;
/** More of what is no time is not repeated. */
const MAX_REPEATED = 40;
/** The last one that has a year of four digits: without it browsers let six be typed. */
const LAST = '9999-12-31T23:59';
/** The element that says what is wrong. */
const FAULT_ID = 'times-fault';

const WORDS: Record<keyof ListTimes, string> = { from: 'From', to: 'To' };

/** @param value Of a parameter that may be given several times, which makes no time. */
export function timeIn(value: unknown): string {
  const text = [value ?? []].flat().join(' ').trim();
  // A browser without such a field leaves a person to write it.
  const written = text.replace(/^(\S{10}) /, '$1T').replace(/Z$/, '');
  return PATTERN.test(written) ? written : text.slice(0, MAX_REPEATED);
}

/** Milliseconds since 1970; null for what is no time, or empty. */
export function msOf(time: string): number | null {
  if (!PATTERN.test(time)) return null;
  const date = new Date(`${time}Z`);
  // 30 February would be taken for 2 March.
  const isDay = !Number.isNaN(date.getTime()) && date.toISOString().startsWith(minuteOf(time));
  return isDay ? date.getTime() : null;
}

/** @param sinceMs When what is asked for begins, by all that says so. */
export function faultOf(times: ListTimes, sinceMs: number | null): QueryFault | null {
  const wrong = (['from', 'to'] as const).filter(
    (name) => times[name] !== '' && msOf(times[name]) === null,
  );
  if (wrong.length > 0) {
    const said = wrong.map((name) => `${WORDS[name]} “${times[name]}” is no time.`).join(' ');
    return { of: wrong, text: `${said} Write one as 2026-11-29T02:00; it is UTC.` };
  }
  const untilMs = msOf(times.to);
  if (sinceMs === null || untilMs === null || sinceMs <= untilMs) return null;
  const text = `What is asked for ends, at ${wordsOf(times.to)}, before it begins.`;
  return { of: ['from', 'to'], text };
}

/** `2026-11-29 02:00 UTC` */
export function wordsOf(time: string): string {
  return `${minuteOf(time).replace('T', ' ')} UTC`;
}

function minuteOf(time: string): string {
  return time.slice(0, MINUTE_LENGTH);
}

export function timeFields(times: ListTimes, fault: QueryFault | null): Markup[] {
  const field = (name: keyof ListTimes) => {
    const isWrong = fault?.of.includes(name) ?? false;
    return html`<label>${WORDS[name]} (UTC) <input type="datetime-local" name="${name}" value="${times[name]}" max="${LAST}"${isWrong && html` aria-invalid="true" aria-describedby="${FAULT_ID}"`}></label>`;
  };
  return [field('from'), field('to')];
}

/** In the place of the list: it has not what was asked for, and nothing else either. */
export function faultNote({ text }: QueryFault): Markup {
  return html`<p class="empty" id="${FAULT_ID}" role="alert"><b>Nothing was searched</b>${text}</p>`;
}
