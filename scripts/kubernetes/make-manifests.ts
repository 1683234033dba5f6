/**
 * Writes the rules and the dashboard of `deploy/kubernetes` from those in `docs`, so that there is one
 * place to change them, and compares our rendering with that of `kubectl`, where it is installed.
 * Usage: npm run manifests; a test compares.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { argv } from 'node:process';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import { parse, parseAllDocuments, stringify } from 'yaml';
import { renderKustomization } from './kustomize.js';
import type { Manifest } from './manifest.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
export const KUBERNETES = join(ROOT, 'deploy/kubernetes');
export const OVERLAYS = ['production', 'staging'] as const;
export const MONITORING = join(KUBERNETES, 'components/monitoring');

const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');

/** File names with their contents. */
export function makeManifests(): Map<string, string> {
  const rule = {
    apiVersion: 'monitoring.coreos.com/v1',
    kind: 'PrometheusRule',
    metadata: { name: 'atlas-batch', labels: { 'app.kubernetes.io/name': 'atlas-batch' } },
    spec: parse(read('docs/alerts.yml')),
  };
  const from = '# Made from docs/alerts.yml by: npm run manifests\n';
  return new Map([
    ['prometheus-rule.yaml', from + stringify(rule)],
    ['atlas-batch.json', read('docs/grafana.json')],
  ]);
}

/** What `kubectl` makes of a folder; undefined where it is not installed. */
function renderByKubectl(folder: string): Manifest[] | undefined {
  const { error, status, stdout, stderr } = spawnSync('kubectl', ['kustomize', folder], {
    encoding: 'utf8',
  });
  if (error) return undefined;
  if (status !== 0) throw new Error(stderr);
  return parseAllDocuments(stdout).map((document) => document.toJS());
}

const inOrder = (manifests: readonly Manifest[]) =>
  new Map(manifests.map((one) => [`${one.kind} ${one.metadata.name}`, structuredClone(one)]));

if (import.meta.url === pathToFileURL(argv[1] ?? '').href) {
  for (const [name, text] of makeManifests()) writeFileSync(join(MONITORING, name), text);
  for (const overlay of OVERLAYS) {
    const folder = join(KUBERNETES, 'overlays', overlay);
    const ours = inOrder(renderKustomization(folder));
    const theirs = renderByKubectl(folder);
    if (theirs && !isDeepStrictEqual(ours, inOrder(theirs))) {
      const differing = [...inOrder(theirs)].filter(
        ([key, value]) => !isDeepStrictEqual(value, ours.get(key)),
      );
      const names = differing.map(([key]) => key).join(', ');
      throw new Error(`kubectl renders ${overlay} otherwise: ${names || 'fewer objects'}`);
    }
    const checked = theirs ? 'as kubectl renders it' : 'kubectl is not installed: not compared';
    console.log(`${overlay}: ${ours.size} objects, ${checked}`);
  }
}
