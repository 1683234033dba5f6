/** The style sheet and the script of the pages, under names that change with their content. */
import { createHash } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { DASHBOARD_PATH } from './dashboard-path.js';
import { SCRIPT } from './script.js';
import { STYLE } from './style.js';

const stamp = (text: string) => createHash('sha256').update(text).digest('hex').slice(0, 12);

const STYLE_FILE = `/assets/batches.${stamp(STYLE)}.css`;
const SCRIPT_FILE = `/assets/batches.${stamp(SCRIPT)}.js`;
export const STYLE_PATH = DASHBOARD_PATH + STYLE_FILE;
export const SCRIPT_PATH = DASHBOARD_PATH + SCRIPT_FILE;

const FOR_EVER = 'private, max-age=31536000, immutable';

export function assetRoutes(app: FastifyInstance): void {
  for (const [path, type, text] of [
    [STYLE_FILE, 'text/css; charset=utf-8', STYLE],
    [SCRIPT_FILE, 'text/javascript; charset=utf-8', SCRIPT],
  ] as const) {
    app.get(path, (_request, reply) =>
      reply.type(type).header('cache-control', FOR_EVER).send(text),
    );
  }
}
