/** The second half of the style sheet: lists, the page of one batch, narrow screens. */
export const STYLE_OF_PARTS = `
.card { background: var(--card); border: 1px solid var(--line); border-radius: 16px; box-shadow: var(--shadow); margin-bottom: 20px; overflow: clip; }
.card > h2 { padding: 16px 20px; border-bottom: 1px solid var(--line); display: flex; justify-content: space-between; align-items: baseline; gap: 12px; }
.card > h2 small { color: var(--dim); font-weight: 400; font-size: 13px; }
.tabs { display: flex; gap: 4px; padding: 0 12px; border-bottom: 1px solid var(--line); overflow-x: auto; }
.tabs a { padding: 14px 10px 12px; color: var(--dim); font-weight: 550; border-bottom: 2px solid transparent; margin-bottom: -1px; white-space: nowrap; }
.tabs a[aria-current] { color: var(--text); border-color: var(--accent); }
.tabs i { margin-left: 6px; padding: 1px 8px; border-radius: 99px; background: var(--grey-soft); color: var(--grey); font-size: 12px; font-style: normal; font-weight: 600; }
.tabs a[aria-current] i { background: var(--accent-soft); color: var(--accent); }

table { width: 100%; border-collapse: collapse; }
th { padding: 11px 20px; color: var(--dim); font-size: 12.5px; font-weight: 550; text-align: left; background: var(--soft); white-space: nowrap; }
td { padding: 13px 20px; border-top: 1px solid var(--line); vertical-align: middle; }
tbody tr:first-child td { border-top: 0; }
tbody tr:hover { background: color-mix(in srgb, var(--soft) 55%, transparent); }
td.ref a { font-weight: 600; }
td.ref small { display: block; color: var(--dim); font-size: 12.5px; }
td.end { text-align: right; }
td .why { display: block; color: var(--dim); font-size: 13px; max-width: 46ch; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.mono { font-family: var(--mono); font-size: 12.5px; letter-spacing: -.02em; overflow-wrap: anywhere; }
.dim { color: var(--dim); }
.nowrap { white-space: nowrap; }
.empty { padding: 56px 20px; text-align: center; color: var(--dim); }
.empty b { display: block; color: var(--text); font-size: 16px; margin-bottom: 4px; }

.pill { display: inline-flex; align-items: center; gap: 6px; padding: 2px 10px 2px 8px; border-radius: 99px; font-size: 12.5px; font-weight: 600; white-space: nowrap; background: var(--grey-soft); color: var(--grey); }
.pill::before { content: ""; width: 7px; height: 7px; border-radius: 50%; background: currentColor; }
.pill.submitting, .pill.processing, .pill.sent { background: var(--blue-soft); color: var(--blue); }
.pill.processing::before { animation: breathe 1.8s ease-in-out infinite; }
.pill.completed, .pill.complete, .pill.present { background: var(--green-soft); color: var(--green); }
.pill.failed, .pill.refused, .pill.rejected, .pill.missing { background: var(--red-soft); color: var(--red); }
.pill.error, .pill.incomplete { background: var(--amber-soft); color: var(--amber); }
@keyframes breathe { 50% { opacity: .25; } }
@media (prefers-reduced-motion: reduce) { .pill::before { animation: none !important; } }

.progress { display: flex; align-items: center; gap: 10px; }
.count { white-space: nowrap; color: var(--dim); font-size: 13.5px; }
.count b { color: var(--text); font-weight: 600; }
progress { appearance: none; width: 104px; height: 7px; border: 0; border-radius: 99px; overflow: hidden; background: var(--grey-soft); }
progress::-webkit-progress-bar { background: var(--grey-soft); }
progress::-webkit-progress-value { background: var(--blue); border-radius: 99px; }
progress::-moz-progress-bar { background: var(--blue); border-radius: 99px; }
progress.completed::-webkit-progress-value { background: var(--green-bar); }
progress.completed::-moz-progress-bar { background: var(--green-bar); }
progress.failed::-webkit-progress-value { background: var(--red); }
progress.failed::-moz-progress-bar { background: var(--red); }

.pager { display: flex; justify-content: space-between; align-items: center; padding: 12px 20px; border-top: 1px solid var(--line); color: var(--dim); font-size: 13.5px; }
.pager div { display: flex; gap: 8px; }
button, .button {
  display: inline-flex; align-items: center; height: 36px; padding: 0 14px; font: inherit; font-size: 14px; font-weight: 550; cursor: pointer;
  color: var(--text); background: var(--card); border: 1px solid var(--line); border-radius: 9px; box-shadow: var(--shadow); white-space: nowrap; list-style: none;
}
button:hover, .button:hover { background: var(--soft); color: inherit; }
button.primary { background: var(--accent); border-color: var(--accent); color: var(--card); }
button.primary:hover { filter: brightness(1.08); }
button.danger { background: var(--red); border-color: var(--red); color: var(--card); }
summary.button::-webkit-details-marker { display: none; }

.head { display: flex; justify-content: space-between; align-items: flex-start; gap: 20px; margin: 2px 0 22px; }
.head .back { color: var(--dim); font-size: 13.5px; }
.head h1 { display: flex; align-items: center; flex-wrap: wrap; gap: 12px; font-size: 26px; font-weight: 650; overflow-wrap: anywhere; }
.head p { margin: 2px 0 0; color: var(--dim); }
.actions { display: flex; gap: 8px; position: relative; padding-top: 22px; }
.actions form { margin: 0; }
details.action > form { position: absolute; right: 0; top: 66px; z-index: 2; width: min(360px, 82vw); padding: 18px; background: var(--card); border: 1px solid var(--line); border-radius: 14px; box-shadow: 0 12px 32px rgb(0 0 0 / .18); }
details.action label { display: block; font-weight: 600; font-size: 14px; }
details.action p { margin: 4px 0 10px; font-size: 13px; color: var(--dim); }
details.action input { width: 100%; height: 38px; padding: 0 12px; margin: 6px 0 12px; font: inherit; color: inherit; background: var(--ground); border: 1px solid var(--line); border-radius: 9px; }

.note { padding: 13px 18px; margin-bottom: 20px; border-radius: 12px; background: var(--blue-soft); color: var(--blue); font-weight: 500; overflow-wrap: anywhere; }
.note.failed { background: var(--red-soft); color: var(--red); }
.note.error { background: var(--amber-soft); color: var(--amber); }
.code { font-family: var(--mono); font-size: .86em; font-weight: 600; }
.columns { display: grid; grid-template-columns: minmax(0, 5fr) minmax(0, 4fr); gap: 20px; align-items: start; }

.timeline { list-style: none; margin: 0; padding: 18px 20px 6px; }
.timeline li { position: relative; padding: 0 0 15px 22px; overflow-wrap: anywhere; }
.timeline li::before { content: ""; position: absolute; left: 0; top: 7px; width: 9px; height: 9px; border-radius: 50%; background: var(--line); }
.timeline li:first-child::before { background: var(--accent); box-shadow: 0 0 0 4px var(--accent-soft); }
.timeline li:not(:last-child)::after { content: ""; position: absolute; left: 4px; top: 20px; bottom: -4px; width: 1px; background: var(--line); }
.timeline time { display: block; color: var(--dim); font-size: 12.5px; font-family: var(--mono); letter-spacing: -.02em; }
.facts { display: grid; grid-template-columns: auto 1fr; gap: 9px 18px; margin: 0; padding: 16px 20px; }
.facts dt { color: var(--dim); }
.facts dd { margin: 0; overflow-wrap: anywhere; }

@media (max-width: 900px) {
  .tiles { grid-template-columns: repeat(2, 1fr); }
  .tile:last-child { grid-column: span 2; }
  .columns { grid-template-columns: minmax(0, 1fr); gap: 0; }
}
@media (max-width: 700px) {
  .top { gap: 12px; padding: 0 16px; }
  .top nav a { padding: 6px 8px; }
  .alive { font-size: 0; gap: 0; }
  main { padding: 18px 0 8px; max-width: calc(100% - 32px); }
  .head { flex-direction: column; gap: 0; }
  .actions { padding-top: 14px; }
  details.action > form { left: 0; right: auto; top: 58px; }
  thead { display: none; }
  table, tbody { display: block; }
  tr { display: grid; grid-template-columns: 1fr auto; gap: 6px 12px; padding: 14px 16px; border-top: 1px solid var(--line); }
  tbody tr:first-child { border-top: 0; }
  td { padding: 0; border: 0; }
  td.wide { grid-column: 1 / -1; }
  td.end { text-align: right; }
td .why { white-space: normal; max-width: none; }
  td.right { text-align: right; }
  td[data-label]::before { content: attr(data-label) " "; color: var(--dim); font-size: 12.5px; }
}
`;
