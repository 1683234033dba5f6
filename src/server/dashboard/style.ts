/** The style sheet of the pages: light and dark, wide and narrow. */
import { STYLE_OF_PARTS } from './style-parts.js';

const STYLE_OF_FRAME = `
:root {
  --ground: #f5f6f8; --card: #fff; --line: #e4e7ec; --soft: #f0f2f5;
  --text: #101828; --dim: #667085; --accent: #4f46e5; --accent-soft: #eef2ff;
  --blue: #1d6fe0; --blue-soft: #e8f1fe; --green: #067647; --green-soft: #e3f8ed;
  --green-bar: #17b26a; --red: #b42318; --red-soft: #fdeceb; --amber: #a15c07;
  --amber-soft: #fef3dc; --grey: #475467; --grey-soft: #eef0f3;
  --shadow: 0 1px 2px rgb(16 24 40 / .05), 0 1px 3px rgb(16 24 40 / .04);
  --mono: "JetBrains Mono", ui-monospace, SFMono-Regular, Menlo, Consolas, monospace;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #0b0e14; --card: #131822; --line: #232a36; --soft: #1a202c;
    --text: #e6eaf2; --dim: #8b95a7; --accent: #a5b4fc; --accent-soft: #1e2240;
    --blue: #7ab4ff; --blue-soft: #12263f; --green: #5fd89a; --green-soft: #0f2b1f;
    --green-bar: #2fb878; --red: #ff9c94; --red-soft: #351715; --amber: #f5c163;
    --amber-soft: #33260c; --grey: #a8b1c1; --grey-soft: #222936;
    --shadow: 0 1px 2px rgb(0 0 0 / .4);
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body {
  margin: 0; background: var(--ground); color: var(--text);
  font: 15px/1.5 Inter, ui-sans-serif, system-ui, -apple-system, "Segoe UI", Roboto, sans-serif;
  font-feature-settings: "cv05", "ss03"; -webkit-font-smoothing: antialiased;
}
a { color: inherit; text-decoration: none; }
a:hover { color: var(--accent); }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; border-radius: 6px; }
h1, h2 { margin: 0; letter-spacing: -.015em; }
h2 { font-size: 15px; font-weight: 600; }
time, .count, .tile b { font-variant-numeric: tabular-nums; }

.top {
  display: flex; align-items: center; gap: 28px; height: 60px; padding: 0 max(24px, calc(50vw - 580px));
  background: var(--card); border-bottom: 1px solid var(--line);
}
.brand { display: flex; align-items: center; gap: 10px; font-weight: 650; letter-spacing: -.01em; }
.brand rect { fill: var(--accent); }
.brand path { fill: none; stroke: var(--card); stroke-width: 1.5; stroke-linejoin: round; stroke-linecap: round; }
.top nav { display: flex; gap: 4px; flex: 1; }
.top nav a { padding: 6px 12px; border-radius: 8px; color: var(--dim); font-weight: 500; }
.top nav a:hover { background: var(--soft); color: var(--text); }
.top nav a[aria-current] { background: var(--accent-soft); color: var(--accent); }
.alive { display: flex; align-items: center; gap: 8px; color: var(--dim); font-size: 13px; white-space: nowrap; }
.alive::before { content: ""; width: 8px; height: 8px; border-radius: 50%; background: var(--green-bar); box-shadow: 0 0 0 3px var(--green-soft); }
.alive.no { color: var(--red); font-weight: 600; }
.alive.no::before { background: var(--red); box-shadow: 0 0 0 3px var(--red-soft); }
main { max-width: 1160px; margin: 0 auto; padding: 28px 24px 8px; box-sizing: content-box; max-width: min(1160px, calc(100% - 48px)); }
footer { max-width: 1160px; margin: 0 auto; padding: 8px 24px 32px; color: var(--dim); font-size: 12.5px; text-align: center; }
#stale { color: var(--red); font-weight: 600; }

.tiles { display: grid; grid-template-columns: repeat(5, 1fr); gap: 14px; margin-bottom: 22px; }
.tile { display: block; padding: 14px 18px 13px; background: var(--card); border: 1px solid var(--line); border-radius: 14px; box-shadow: var(--shadow); }
a.tile:hover { border-color: var(--accent); color: inherit; }
.tile span { display: block; color: var(--dim); font-size: 13px; font-weight: 500; }
.tile b { display: block; margin-top: 2px; font-size: 27px; line-height: 1.25; font-weight: 620; letter-spacing: -.025em; white-space: nowrap; }
.tile.bad b { color: var(--red); }
.tile.warn b { color: var(--amber); }

.search { position: relative; margin-bottom: 22px; }
.search svg { position: absolute; left: 16px; top: 14px; fill: none; stroke: var(--dim); stroke-width: 2; stroke-linecap: round; }
.search input {
  width: 100%; height: 46px; padding: 0 110px 0 46px; font: inherit; color: inherit; background: var(--card);
  border: 1px solid var(--line); border-radius: 12px; box-shadow: var(--shadow);
}
.search input::placeholder { color: var(--dim); opacity: 1; }
.search button { position: absolute; right: 6px; top: 6px; height: 34px; }
`;

export const STYLE = STYLE_OF_FRAME + STYLE_OF_PARTS;
