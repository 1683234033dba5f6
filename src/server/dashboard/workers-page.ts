/** The page of workers: which are alive, what they run and what they do, so that a rollout is seen to be done. Pure. */
import type { WorkerReport } from '../../jobs/worker-report.js';
import { countText, plural } from '../../plural.js';
import type { LivingWorker } from '../health/read-system.js';
import { html, type Markup } from '../html.js';
import { duration } from './batches/pieces.js';
import { WORKERS_PATH } from './dashboard-path.js';
import { page } from './frame/layout.js';
import type { PageFrame } from './frame/read-frame.js';
import { utcTime } from './time-markup.js';

const REFRESH_SECONDS = 5;

export function workersPage(frame: PageFrame): string {
  const { now, workers, writeRefusal } = frame.system;
  const none = writeRefusal === null ? 'None is alive.' : 'Nobody knows which are alive.';
  return page(
    { ...frame, title: 'Workers', path: WORKERS_PATH, refreshSeconds: REFRESH_SECONDS },
    html`<div class="head"><div><h1>Workers</h1>
<p>${workers.length > 0 ? versions(workers) : none}</p></div></div>
${workers.length > 0 && html`<section class="card workers" aria-label="Workers that are alive">${table(workers, now)}</section>`}`,
  );
}

/** `3 workers: 2 run 0.2.0, 1 runs 0.1.0` */
function versions(workers: readonly LivingWorker[]): string {
  const counts = new Map<string, number>();
  for (const { report } of workers) {
    const version = report?.version ?? 'an older version';
    counts.set(version, (counts.get(version) ?? 0) + 1);
  }
  const parts = [...counts]
    .sort(([a], [b]) => b.localeCompare(a, 'en', { numeric: true }))
    .map(([version, count]) => `${countText(count)} ${count === 1 ? 'runs' : 'run'} ${version}`);
  return `${plural(workers.length, 'worker')}: ${parts.join(', ')}`;
}

function table(workers: readonly LivingWorker[], now: number): Markup {
  const rows = [...workers]
    .sort((a, b) => hostOf(a).localeCompare(hostOf(b), 'en', { numeric: true }))
    .map((worker) => row(worker, now));
  return html`<table>
<thead><tr><th scope="col">Host</th><th scope="col">State</th><th scope="col">Version</th><th scope="col">Up for</th><th scope="col">Jobs that run</th></tr></thead>
<tbody>${rows}</tbody>
</table>`;
}

function hostOf({ id, report }: LivingWorker): string {
  return report === null ? id : `${report.host}:${report.pid}`;
}

function row(worker: LivingWorker, now: number): Markup {
  const { id, report } = worker;
  if (report === null) {
    return html`<tr data-key="${id}"><td class="ref wide"><b class="mono">${id}</b></td><td colspan="4" class="dim">It tells nothing of itself.</td></tr>`;
  }
  const { host, pid, version, node, startedAt } = report;
  return html`<tr data-key="${id}">
<td class="ref"><b>${host}</b><small>process ${pid}</small></td>
<td class="right">${stateOf(report)}</td>
<td data-label="Version">${version} <small>Node ${node}</small></td>
<td data-label="Up for">${duration(now - startedAt)} <small>since ${utcTime(startedAt)}</small></td>
<td data-label="Jobs">${jobsOf(report)}</td>
</tr>`;
}

/** What keeps it from its work is said once in the head of the page, and here of whom. */
function stateOf({ notReady, atlas, refusedSince }: WorkerReport): Markup {
  const why = [...notReady];
  if (atlas !== null && refusedSince === null) why.push('Atlas does not answer it');
  if (why.length === 0) return html`<span class="pill complete">Ready</span>`;
  return html`<span class="pill error">${notReady.length > 0 ? 'Not ready' : 'Waits'}</span>${why.map((one) => html`<span class="why">${one}</span>`)}`;
}

function jobsOf({ jobs }: WorkerReport): Markup {
  const parts = Object.entries(jobs).map(
    ([queue, count]) =>
      html`<span class="nowrap"><b>${count.toLocaleString('en')}</b> <span class="dim">${queue.replace(/^atlas-/, '')}</span></span>`,
  );
  return html`${parts.flatMap((part, i) => (i === 0 ? [part] : [' · ', part]))}`;
}
