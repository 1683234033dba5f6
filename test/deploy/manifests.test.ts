import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import * as keda from '@kubernetes-models/keda/keda.sh/v1alpha1';
import * as monitoring from '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1';
import * as apps from 'kubernetes-models/apps/v1';
import * as networking from 'kubernetes-models/networking.k8s.io/v1';
import * as policy from 'kubernetes-models/policy/v1';
import * as core from 'kubernetes-models/v1';
import { expect, onTestFinished, test } from 'vitest';
import { parse } from 'yaml';
import { renderKustomization } from '../../scripts/kubernetes/kustomize.js';
import { environmentOf, startPod } from '../../scripts/kubernetes/local-pod.js';
import {
  KUBERNETES,
  MONITORING,
  makeManifests,
  OVERLAYS,
} from '../../scripts/kubernetes/make-manifests.js';
import { containersOf, type Manifest, workloadOf } from '../../scripts/kubernetes/manifest.js';
import { createSecretsFolder } from '../../scripts/kubernetes/secrets-folder.js';
import { createToken } from '../../src/config/api-tokens.js';
import { configSchema } from '../../src/config/config.js';
import { loadConfig, loadServerConfig } from '../../src/config/environment.js';
import { serverSchema } from '../../src/config/server-config.js';
import { BULK_LIMIT_BYTES } from '../../src/server/api/operations/add-many.js';
import { MAX_WAIT_SECONDS } from '../../src/server/api/operations/read-batch.js';
import { startSystem } from '../helpers/system.js';
import { waitUntil } from '../helpers/wait-until.js';
import { WEBHOOK_SECRET } from '../helpers/webhook-receiver.js';

const ROOT = join(KUBERNETES, '../..');
const render = (overlay: string) => renderKustomization(join(KUBERNETES, 'overlays', overlay));
const PRODUCTION = render('production');
const ALL = OVERLAYS.flatMap((overlay) =>
  render(overlay).map((manifest) => ({ overlay, manifest })),
);
const named = ALL.map(({ overlay, manifest }) => ({
  name: `${overlay}: ${manifest.kind} ${manifest.metadata.name}`,
  manifest,
}));

/** The one object of its kind. */
function only(wanted: string): Manifest {
  const [found, ...others] = PRODUCTION.filter(({ kind }) => kind === wanted);
  if (found === undefined || others.length > 0) throw new Error(`not one ${wanted}`);
  return found;
}

/** The models of an `apiVersion`, and the module that has their types. */
const GROUPS: Readonly<Record<string, { models: object; module: string }>> = {
  v1: { models: core, module: 'kubernetes-models/v1' },
  'apps/v1': { models: apps, module: 'kubernetes-models/apps/v1' },
  'policy/v1': { models: policy, module: 'kubernetes-models/policy/v1' },
  'networking.k8s.io/v1': { models: networking, module: 'kubernetes-models/networking.k8s.io/v1' },
  'keda.sh/v1alpha1': { models: keda, module: '@kubernetes-models/keda/keda.sh/v1alpha1' },
  'monitoring.coreos.com/v1': {
    models: monitoring,
    module: '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1',
  },
};

/** What a secret may hold, by the name of its file. */
const SECRETS: Readonly<Record<string, string>> = {
  REDIS_URL: 'redis://redis.example.com:6379',
  ATLAS_CLIENT_ID: 'client',
  ATLAS_CLIENT_SECRET: 'client-secret',
  CALLBACK_CLIENT_ID: 'atlas',
  CALLBACK_CLIENT_SECRET: 'callback-secret',
  COMPLETION_WEBHOOK_URL: 'https://app.example.com/atlas-events',
  COMPLETION_WEBHOOK_SECRET: WEBHOOK_SECRET,
  DASHBOARD_USER: 'operator',
  DASHBOARD_PASSWORD: 'correct horse',
  API_TOKENS: createToken('loans-app', 'submit', 'loans').line,
};

function secretsFolder(values: Readonly<Record<string, string>> = {}) {
  const folder = createSecretsFolder({ ...SECRETS, ...values });
  onTestFinished(() => folder.remove());
  return folder;
}

test('rules and dashboard are those of docs; npm run manifests writes them', () => {
  for (const [name, text] of makeManifests()) {
    expect(readFileSync(join(MONITORING, name), 'utf8'), name).toBe(text);
  }
});

test.each(named)('$name is what the schema of the API wants', ({ manifest }) => {
  const Model: unknown = Reflect.get(GROUPS[manifest.apiVersion]?.models ?? {}, manifest.kind);
  expect(Model).toBeTypeOf('function');
  const model = Reflect.construct(Model as new (data: unknown) => object, [manifest]);
  expect(() => (model as { validate(): void }).validate()).not.toThrow();
});

test('no manifest has a field that the API does not know', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'manifests-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  // A literal of a known type is refused for each name that the type lacks.
  const lines = ALL.map(({ manifest: { apiVersion, kind }, manifest }, index) => {
    const type = `import('${GROUPS[apiVersion]?.module}').I${kind}`;
    return `export const manifest${index}: ${type} = ${JSON.stringify(manifest)};`;
  });
  writeFileSync(join(folder, 'manifests.mts'), lines.join('\n'));
  const config = { extends: join(ROOT, 'tsconfig.json'), include: ['*.mts'] };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config));
  const compiler = join(ROOT, 'node_modules/typescript/bin/tsc');
  const checked = await promisify(execFile)(process.execPath, [compiler, '-p', folder]).catch(
    (error: { stdout: string }) => error,
  );
  expect(checked.stdout).toBe('');
});

const containers = ALL.flatMap(({ overlay, manifest }) =>
  containersOf(manifest).map((container) => ({
    name: `${overlay}: ${manifest.metadata.name}`,
    manifest,
    container,
  })),
);
const ours = containers.filter(({ container }) => container.image.includes('atlas-batch'));

test.each(containers)('$name runs with no more rights than it needs', ({ manifest, container }) => {
  expect(workloadOf(manifest)?.template.spec).toMatchObject({
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    securityContext: {
      runAsNonRoot: true,
      runAsUser: expect.any(Number),
      seccompProfile: { type: 'RuntimeDefault' },
    },
  });
  expect(container).toMatchObject({
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    },
    resources: { requests: { cpu: expect.any(String) }, limits: { memory: expect.any(String) } },
  });
});

test.each(ours)('$name has time to end in order, and three probes', ({ manifest, container }) => {
  expect(workloadOf(manifest)?.template.spec).toMatchObject({ terminationGracePeriodSeconds: 30 });
  const ports = container.ports?.map(({ name }) => name);
  for (const probe of [container.startupProbe, container.livenessProbe, container.readinessProbe]) {
    expect(ports).toContain(probe?.httpGet?.port);
  }
});

test('whatever runs has a disruption budget, an account of its own, and spreads over zones', () => {
  const budgets = PRODUCTION.filter(({ kind }) => kind === 'PodDisruptionBudget');
  const deployments = PRODUCTION.filter(({ kind }) => kind === 'Deployment');
  expect(budgets.map(({ metadata }) => metadata.name)).toEqual(
    deployments.map(({ metadata }) => metadata.name),
  );
  const accounts = PRODUCTION.filter(({ kind }) => kind === 'ServiceAccount');
  for (const deployment of deployments) {
    const { name } = deployment.metadata;
    expect(accounts.map(({ metadata }) => metadata.name)).toContain(name);
    expect(workloadOf(deployment)?.template.spec).toMatchObject({
      serviceAccountName: name,
      topologySpreadConstraints: [{ topologyKey: 'topology.kubernetes.io/zone' }, {}],
    });
  }
});

test('the Ingress leads to callbacks and API, and to nothing else', () => {
  const { spec } = only('Ingress');
  const { rules } = spec as { rules: { http: { paths: { path: string }[] } }[] };
  expect(rules.flatMap(({ http }) => http.paths.map(({ path }) => path))).toEqual([
    '/callbacks',
    '/api',
  ]);
});

test('the Ingress takes the largest request, and waits for the slowest response', () => {
  const annotations = new Map(
    Object.entries(only('Ingress').metadata.annotations ?? {}).map(([name, value]) => [
      name.replace('nginx.ingress.kubernetes.io/', ''),
      Number.parseInt(value, 10),
    ]),
  );
  expect(annotations.get('proxy-body-size')).toBe(BULK_LIMIT_BYTES / 2 ** 20);
  expect(annotations.get('proxy-read-timeout')).toBeGreaterThan(MAX_WAIT_SECONDS);
});

/** The AWS SDK's, Node's and OpenTelemetry's own. */
const OF_OTHERS = /^(AWS_|NODE_|OTEL_|HOME$)/;

test.each(ours)('each variable of $name exists in the configuration', ({ manifest, container }) => {
  const overlay = ALL.find((one) => one.manifest === manifest)?.overlay;
  const manifests = ALL.filter((one) => one.overlay === overlay).map((one) => one.manifest);
  const known = new Set([...Object.keys(configSchema.shape), ...Object.keys(serverSchema.shape)]);
  const variables = Object.keys(environmentOf(manifests, container));
  expect(variables).toContain('REDIS_URL_FILE');
  const unknown = variables.filter(
    (name) => !OF_OTHERS.test(name) && !known.has(name) && !known.has(name.replace(/_FILE$/, '')),
  );
  expect(unknown).toEqual([]);
});

test.each(ours)('the environment of $name is a valid configuration', ({ manifest, container }) => {
  const overlay = ALL.find((one) => one.manifest === manifest)?.overlay;
  const manifests = ALL.filter((one) => one.overlay === overlay).map((one) => one.manifest);
  const { path } = secretsFolder();
  const environment = Object.fromEntries(
    Object.entries(environmentOf(manifests, container)).map(([name, value]) => [
      name,
      value.replace('/run/secrets/atlas-batch', path),
    ]),
  );
  const load = manifest.metadata.name.endsWith('server') ? loadServerConfig : loadConfig;
  expect(() => load(environment)).not.toThrow();
});

/** Names of the Secrets that a pod mounts. */
function secretsOf(manifest: Manifest): string[] {
  const volumes = workloadOf(manifest)?.template.spec.volumes ?? [];
  return volumes
    .flatMap(({ projected }) => projected?.sources ?? [])
    .map(({ secret }) => secret.name);
}

test('the page of the manifests has a command for each Secret, with each of its files', () => {
  const page = readFileSync(join(KUBERNETES, 'README.md'), 'utf8');
  const commands = new Map(
    [...page.matchAll(/create secret generic (\S+) ((?:.*\\\n)*.*)/g)].map(
      ([, name, rest = '']) => [
        name,
        [...rest.matchAll(/--from-file=([A-Z_]+)/g)].map(([, file]) => file),
      ],
    ),
  );
  for (const { manifest, container } of ours) {
    const files = secretsOf(manifest).flatMap((name) => commands.get(name) ?? [`no ${name}`]);
    const wanted = (container.env ?? []).filter(({ name }) => name.endsWith('_FILE'));
    expect(files.sort()).toEqual(wanted.map(({ value }) => value.split('/').at(-1)).sort());
  }
});

test('the autoscaler asks for metrics that exist, in the namespace of the pods', () => {
  const { spec, metadata } = only('ScaledObject');
  const { triggers } = spec as { triggers: { metadata: Record<string, string> }[] };
  const page = readFileSync(join(ROOT, 'docs/metrics.md'), 'utf8');
  expect(triggers.length).toBeGreaterThan(1);
  for (const { query = '', ...others } of triggers.map((trigger) => trigger.metadata)) {
    const [name] = /atlas_batch_\w+/.exec(query) ?? [];
    expect(page).toContain(`| \`${name}\` |`);
    expect(query).toContain(`{namespace="${metadata.namespace}",`);
    // Without metrics, workers would be taken away in the middle of an outage.
    expect(others).toMatchObject({ ignoreNullValues: 'false' });
  }
});

test('the namespace of an overlay is the one of its Namespace and of its queries', () => {
  const folder = mkdtempSync(join(tmpdir(), 'manifests-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  cpSync(KUBERNETES, folder, { recursive: true });
  const overlay = join(folder, 'overlays/production');
  const text = readFileSync(join(overlay, 'kustomization.yaml'), 'utf8');
  const changed = text.replace('namespace: atlas-batch', 'namespace: mine');
  writeFileSync(join(overlay, 'kustomization.yaml'), changed);
  const manifests = renderKustomization(overlay);
  const of = (kind: string) => manifests.find((one) => one.kind === kind);
  expect(of('Namespace')?.metadata.name).toBe('mine');
  expect(JSON.stringify(of('ScaledObject')?.spec)).not.toMatch(/namespace=\\"(?!mine)/);
});

test('each alert of production leads to the whole address of its runbook', () => {
  const { metadata, spec } = only('PrometheusRule');
  const { runbooks } = metadata.annotations as Record<string, string>;
  const { groups } = spec as {
    groups: { rules: { alert: string; annotations: { runbook_url: string } }[] }[];
  };
  for (const { alert, annotations } of groups.flatMap(({ rules }) => rules)) {
    expect(annotations.runbook_url).toBe(`${runbooks}docs/operations.md#${alert}`);
    expect(() => new URL(annotations.runbook_url)).not.toThrow();
  }
});

test('every probe answers in a process with exactly the environment of its pod', async () => {
  const { environment } = await startSystem();
  const { REDIS_URL = '', ATLAS_CLIENT_ID = '', ATLAS_CLIENT_SECRET = '', ...others } = environment;
  const { path } = secretsFolder({ REDIS_URL, ATLAS_CLIENT_ID, ATLAS_CLIENT_SECRET });
  for (const name of ['atlas-batch-worker', 'atlas-batch-server']) {
    const pod = startPod(PRODUCTION, name, { app: ROOT, secrets: path, environment: others });
    onTestFinished(() => pod.kill());
    expect(pod.probes).toHaveLength(3);
    for (const probe of pod.probes) {
      await waitUntil(`200 of the ${probe} of ${name}`, async () => {
        if (pod.hasExited) throw new Error(pod.output());
        return (await pod.probe(probe)) === 200;
      });
    }
    expect(await pod.stop(), pod.output()).toBe(0);
  }
});

test('names of folders in the page of the manifests are there', () => {
  const page = readFileSync(join(KUBERNETES, 'README.md'), 'utf8');
  const { components } = parse(
    readFileSync(join(KUBERNETES, 'overlays/production/kustomization.yaml'), 'utf8'),
  );
  for (const path of components) expect(page).toContain(`| \`${path.split('/').at(-1)}\` |`);
});
