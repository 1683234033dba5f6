import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { openQueues } from '../../src/batches/client-queues.js';
import { openLink } from '../../src/redis/client-link.js';
import { createServerMetrics } from '../../src/server/health/server-metrics.js';
import { createWorkerMetrics } from '../../src/workers/metrics.js';
import { testRedis } from '../helpers/redis.js';

async function knownMetrics(): Promise<Set<string>> {
  const { url, prefix } = testRedis();
  const link = openLink(url);
  const queues = openQueues(link, prefix);
  const { registry } = createServerMetrics(queues, 1000);
  const all = [registry, createWorkerMetrics().registry].map((one) => one.getMetricsAsArray());
  await queues.close();
  link.close();
  return new Set(all.flat().map(({ name }) => name));
}

function named(text: string): string[] {
  const names = text.match(/\b(atlas_batch|nodejs)_\w+/g) ?? [];
  return [...new Set(names.map((name) => name.replace(/_(bucket|sum|count)$/, '')))];
}

const read = (file: string) => readFile(new URL(`../../docs/${file}`, import.meta.url), 'utf8');

it.each(['alerts.yml', 'grafana.json', 'operations.md'])(
  'docs/%s names only metrics that exist',
  async (file) => {
    const known = await knownMetrics();
    const names = named(await read(file));
    expect(names.length).toBeGreaterThan(2);
    expect(names.filter((name) => !known.has(name))).toEqual([]);
  },
);

it('the runbook has a section for every alert', async () => {
  const { groups } = parse(await read('alerts.yml'));
  const runbook = await read('operations.md');
  const alerts = groups.flatMap(({ rules }: { rules: { alert: string }[] }) =>
    rules.map(({ alert }) => alert),
  );
  expect(alerts.length).toBeGreaterThan(8);
  expect(alerts.filter((alert: string) => !runbook.includes(`\`${alert}\``))).toEqual([]);
});
