/**
 * The style sheets and the scripts of the pages. Each is served under a name that changes with its
 * content, so that browsers keep it for ever.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { DASHBOARD_PATH } from './dashboard-path.js';

/** The style sheet is all of them in this order: later files override earlier ones. */
const STYLE_FILES = [
  ...['frame', 'overview', 'tables', 'controls', 'actions', 'batch', 'filters', 'lists'],
  ...['workers', 'narrow', 'print'],
];

/** Beside this file in `src` and, copied by the build, in `dist`. */
const read = (name: string) => readFileSync(new URL(`./assets/${name}`, import.meta.url), 'utf8');

const STYLE = asset('batches', 'css', STYLE_FILES);
const SCRIPT = asset('batches', 'js', ['refresh', 'selecting', 'copying']);
/** On the pages of Bull Board, which have their own beside it. */
const BOARD_STYLE = asset('board', 'css', ['board']);
const BOARD_SCRIPT = asset('board', 'js', ['board']);
const ASSETS = [STYLE, SCRIPT, BOARD_STYLE, BOARD_SCRIPT];

export const STYLE_PATH = DASHBOARD_PATH + STYLE.path;
export const SCRIPT_PATH = DASHBOARD_PATH + SCRIPT.path;
export const BOARD_STYLE_PATH = DASHBOARD_PATH + BOARD_STYLE.path;
export const BOARD_SCRIPT_PATH = DASHBOARD_PATH + BOARD_SCRIPT.path;

const PATHS: ReadonlySet<string | undefined> = new Set(
  ASSETS.map(({ path }) => DASHBOARD_PATH + path),
);
const TYPES = { css: 'text/css; charset=utf-8', js: 'text/javascript; charset=utf-8' };
const FOR_EVER = 'private, max-age=31536000, immutable';

function asset(name: string, kind: 'css' | 'js', files: readonly string[]) {
  const text = files.map((file) => read(`${file}.${kind}`)).join('\n');
  const stamp = createHash('sha256').update(text).digest('hex').slice(0, 12);
  return { path: `/assets/${name}.${stamp}.${kind}`, kind, text };
}

/**
 * Whether a request needs no login: these are the same for everybody. The page of a 401 has them too, and a browser
 * would ask for the password again for each.
 */
export function isForAsset({ method, routeOptions: { url } }: FastifyRequest): boolean {
  return method === 'GET' && PATHS.has(url);
}

export function assetRoutes(app: FastifyInstance): void {
  for (const { path, kind, text } of ASSETS) {
    app.get(path, (_request, reply) =>
      reply.type(TYPES[kind]).header('cache-control', FOR_EVER).send(text),
    );
  }
}
