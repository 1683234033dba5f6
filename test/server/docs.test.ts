import { readFile } from 'node:fs/promises';
import { type MetricObject, Registry } from 'prom-client';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { openQueues } from '../../src/batches/client-queues.js';
import { createToken } from '../../src/config/api-tokens.js';
import { REASON_CODES } from '../../src/errors.js';
import { openLink } from '../../src/redis/client-link.js';
import { createServerMetrics } from '../../src/server/health/server-metrics.js';
import { createWorkerMetrics } from '../../src/workers/metrics.js';
import { connectionTo, testRedis } from '../helpers/redis.js';
import { routesOf } from './routes-of.js';
import { CALLBACKS, createServer, LOGIN } from './test-server.js';

async function registeredMetrics(): Promise<MetricObject[]> {
  const { url, prefix } = testRedis();
  const link = openLink(connectionTo(url));
  const queues = openQueues(link, prefix);
  const { registry } = createServerMetrics(queues, {
    BATCH_DEADLINE_MS: 1000,
    ATLAS_MAX_DOCUMENTS_PER_DAY: 0,
    QUOTA_TIMEZONE: 'UTC',
  });
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
  const names = text.match(/\b(atlas_batch|nodejs|process)_\w+/g) ?? [];
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

/** With these every route is there. */
const EVERYTHING = {
  ...LOGIN,
  ...CALLBACKS,
  API_TOKENS: createToken('app', 'read', null).line,
};

it('docs/routes.md lists only routes that the server has', async () => {
  const { server } = await createServer(EVERYTHING);
  await server.app.ready();
  const routes = rowsOf(await read('routes.md')).map(([, route = '']) =>
    route.replaceAll('`', '').split(' '),
  );
  expect(routes.length).toBeGreaterThan(10);
  const missing = routes.filter(
    ([method = '', url = '']) =>
      !server.app.hasRoute({ method, url: urlOfRoute(url) }) &&
      !server.app.hasRoute({ method, url: `${url}/` }),
  );
  expect(missing).toEqual([]);
});

/** A colon within a part of a path is doubled in a route: one begins a parameter. */
const urlOfRoute = (url: string) => url.replace(/(?<!\/):/, '::');

it('docs/routes.md lists every route of the server but those of Bull Board', async () => {
  const { server } = await createServer(EVERYTHING);
  await server.app.ready();
  const listed = rowsOf(await read('routes.md')).map(([, route]) => route?.replaceAll('`', ''));
  const routes = routesOf(server.app.printRoutes({ commonPrefix: false }));
  const ours = routes.filter((route) => !OF_BULL_BOARD.test(route));
  expect(ours.length).toBeGreaterThan(10);
  expect(ours.filter((route) => !listed.includes(route))).toEqual([]);
});

/** And the style sheet and script of our own pages. */
const OF_BULL_BOARD = /^\w+ \/dashboard\/(api|assets|metrics-history|job-schedulers|queue|\*)/;

it('docs/reasons.md explains every code, and no other', async () => {
  const codes = rowsOf(await read('reasons.md')).map(([, code = '']) => code.replaceAll('`', ''));
  expect(codes.sort()).toEqual([...REASON_CODES].sort());
});

interface Rule {
  alert: string;
  annotations: { runbook_url?: string };
}

async function rules(): Promise<Rule[]> {
  const { groups }: { groups: { rules: Rule[] }[] } = parse(await read('alerts.yml'));
  return groups.flatMap((group) => group.rules);
}

it('every alert leads to its row of the runbook', async () => {
  const runbook = await read('operations.md');
  const alerts = await rules();
  expect(alerts.length).toBeGreaterThan(8);
  for (const { alert, annotations } of alerts) {
    expect(annotations.runbook_url).toBe(`docs/operations.md#${alert}`);
    expect(runbook).toContain(`| <a id="${alert}"></a>\`${alert}\` |`);
  }
});

it('promtool sees every alert fire, and stop', async () => {
  const { tests } = parse(await readFile(new URL('alerts.promtool.yml', import.meta.url), 'utf8'));
  const tried = tests.flatMap(({ promql_expr_test }: { promql_expr_test: PromqlTest[] }) =>
    promql_expr_test.map(({ expr, exp_samples }) => `${expr} ${exp_samples.length}`),
  );
  for (const { alert } of await rules()) {
    const expr = `count(ALERTS{alertname="${alert}", alertstate="firing"})`;
    expect(tried).toEqual(expect.arrayContaining([`${expr} 1`, `${expr} 0`]));
  }
});

interface PromqlTest {
  expr: string;
  exp_samples: unknown[];
}
