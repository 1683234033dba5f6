/** What pages say of a pause, and the forms that begin and end one. Pure. */
import type { Pause, PlainPause } from '../../../gate/pause-record.js';
import { MAX_REASON_LENGTH } from '../../../jobs/audit-record.js';
import { html, type Markup } from '../../html.js';
import { DASHBOARD_PATH } from '../dashboard-path.js';
import { utcTime } from '../time-markup.js';
import { spanOptions } from '../time-spans.js';

/** Of the field `for`: no end. Others are those of time-spans.ts. */
export const UNTIL_RESUMED = 'resume';

/** Nothing while batches are sent. */
export function pauseBanner(pause: Pause | null, mayChange: boolean): Markup | false {
  if (pause === null) return false;
  return html`<div class="note error paused" role="status"><p>${describePause(pause)}</p>
${mayChange && html`<form method="post" action="${DASHBOARD_PATH}/resume"><button class="primary">Resume</button></form>`}</div>`;
}

function describePause({ since, until, reason, by, replaced }: Pause): Markup {
  const who = by === null ? '' : ` by ${by}`;
  const why = reason === null ? '' : `: ${reason}`;
  const end = until === null ? 'until somebody resumes' : html`until ${utcTime(Date.parse(until))}`;
  return html`No upload goes to Atlas. Paused${who} at ${utcTime(Date.parse(since))}, ${end}${why}${replaced && html`. Before that it was paused ${describeBefore(replaced)}`}`;
}

function describeBefore({ since, until, reason, by }: PlainPause): Markup {
  const end = until !== null && html` until ${utcTime(Date.parse(until))}`;
  const who = by !== null && ` by ${by}`;
  return html`since ${utcTime(Date.parse(since))}${end}${who}${reason !== null && `: ${reason}`}`;
}

export function pauseForm(pause: Pause | null): Markup {
  return html`<details class="action" id="pause"><summary class="button">${pause ? 'Change the pause…' : 'Pause…'}</summary>
<form method="post" action="${DASHBOARD_PATH}/pause">
<label>Why?<input name="reason" maxlength="${MAX_REASON_LENGTH}" required autocomplete="off" placeholder="Atlas is down for maintenance"></label>
<label>For how long?<select name="for"><option value="${UNTIL_RESUMED}">until somebody resumes</option>${spanOptions()}</select></label>
<p>No upload goes to Atlas meanwhile. Polls, results and events go on, and the deadlines of batches that wait for it stand still.</p>
<button class="danger">Pause the sending</button>
</form></details>`;
}
