import { readFile } from 'node:fs/promises';
import { type MetricObject, Registry } from 'prom-client';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { openQueues } from '../../src/batches/client-queues.js';
import { REASON_CODES } from '../../src/errors.js';
import { openLink } from '../../src/redis/client-link.js';
import { createServerMetrics } from '../../src/server/health/server-metrics.js';
import { createWorkerMetrics } from '../../src/workers/metrics.js';
import { connectionTo, testRedis } from '../helpers/redis.js';
import { CALLBACKS, createServer, LOGIN } from './test-server.js';

async function registeredMetrics(): Promise<MetricObject[]> {
  const { url, prefix } = testRedis();
  const link = openLink(connectionTo(url));
  const queues = openQueues(link, prefix);
  const { registry } = createServerMetrics(queues, 1000);
  const all = [registry, createWorkerMetrics(new Registry()).registry].map((one) =>
    one.getMetricsAsArray(),
  );
  await queues.close();
  link.close();
  return all.flat();
}

async function knownMetrics(): Promise<Set<string>> {
  return new Set((await registeredMetrics()).map(({ name }) => name));
}

function named(text: string): string[] {
  const names = text.match(/\b(atlas_batch|nodejs)_\w+/g) ?? [];
  return [...new Set(names.map((name) => name.replace(/_(bucket|sum|count)$/, '')))];
}

const read = (file: string) => readFile(new URL(`../../docs/${file}`, import.meta.url), 'utf8');

/** Cells of the rows of tables whose first cell is code. */
function rowsOf(page: string): string[][] {
  return page
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) => line.split('|').map((cell) => cell.trim()));
}

it.each(['alerts.yml', 'grafana.json', 'operations.md', 'metrics.md'])(
  'docs/%s names only metrics that exist',
  async (file) => {
    const known = await knownMetrics();
    const names = named((await read(file)).replaceAll('nodejs_*', ''));
    expect(names.length).toBeGreaterThan(2);
    expect(names.filter((name) => !known.has(name))).toEqual([]);
  },
);

it('docs/metrics.md lists every metric of ours with its type and labels', async () => {
  const listed = rowsOf(await read('metrics.md')).map(([, name, type, labels]) => [
    name?.replaceAll('`', ''),
    type,
    labels,
  ]);
  const registered = (await registeredMetrics())
    .filter(({ name }) => name.startsWith('atlas_batch_'))
    .map((metric) => [metric.name, typeOf(metric), labelsOf(metric)]);
  expect(listed.sort()).toEqual(registered.sort());
});

/** prom-client keeps both on every metric, though its types do not say so. */
function labelsOf(metric: MetricObject): string {
  const labelNames: unknown = Reflect.get(metric, 'labelNames');
  return (labelNames as string[]).map((label) => `\`${label}\``).join(', ');
}

function typeOf(metric: MetricObject): string {
  return metric.constructor.name.toLowerCase();
}

it('docs/routes.md lists only routes that the server has', async () => {
  const { server } = await createServer({ ...LOGIN, ...CALLBACKS });
  await server.app.ready();
  const routes = rowsOf(await read('routes.md')).map(([, route = '']) =>
    route.replaceAll('`', '').split(' '),
  );
  expect(routes.length).toBeGreaterThan(10);
  const missing = routes.filter(
    ([method = '', url = '']) =>
      !server.app.hasRoute({ method, url }) && !server.app.hasRoute({ method, url: `${url}/` }),
  );
  expect(missing).toEqual([]);
});

it('docs/routes.md lists every route of the server but those of Bull Board', async () => {
  const { server } = await createServer({ ...LOGIN, ...CALLBACKS });
  await server.app.ready();
  const listed = rowsOf(await read('routes.md')).map(([, route]) => route?.replaceAll('`', ''));
  const routes = routesOf(server.app.printRoutes({ commonPrefix: false }));
  const ours = routes.filter((route) => !OF_BULL_BOARD.test(route));
  expect(ours.length).toBeGreaterThan(10);
  expect(ours.filter((route) => !listed.includes(route))).toEqual([]);
});

/** And the style sheet and script of our own pages. */
const OF_BULL_BOARD = /^\w+ \/dashboard\/(api|assets|metrics-history|job-schedulers|queue|\*)/;

/** `GET /path` of each route of Fastify's drawing, whose branches are indented by four characters. */
function routesOf(drawing: string): string[] {
  const parents: string[] = [];
  const routes = drawing.split('\n').flatMap((line) => {
    const [, branch = '', part, methods = ''] = /^(.*?── )(\S+) \(([A-Z, ]+)\)/.exec(line) ?? [];
    if (part === undefined) return [];
    const depth = branch.length / 4 - 1;
    const path = (parents[depth - 1] ?? '') + part;
    parents[depth] = path;
    const method = methods.split(', ').find((one) => one !== 'HEAD');
    return [`${method} ${path.replace(/\/$/, '')}`];
  });
  return [...new Set(routes)];
}

it('docs/reasons.md explains every code, and no other', async () => {
  const codes = rowsOf(await read('reasons.md')).map(([, code = '']) => code.replaceAll('`', ''));
  expect(codes.sort()).toEqual([...REASON_CODES].sort());
});

it('the runbook has a section for every alert', async () => {
  const { groups } = parse(await read('alerts.yml'));
  const runbook = await read('operations.md');
  const alerts = groups.flatMap(({ rules }: { rules: { alert: string }[] }) =>
    rules.map(({ alert }) => alert),
  );
  expect(alerts.length).toBeGreaterThan(8);
  expect(alerts.filter((alert: string) => !runbook.includes(`\`${alert}\``))).toEqual([]);
});
