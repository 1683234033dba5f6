/**
 * Renders a folder of Kustomize, for tests and for machines without `kubectl`. It knows what
 * `deploy/kubernetes` uses, and refuses what it does not know: `npm run manifests` compares it with
 * `kubectl kustomize` where that is installed.
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parse } from 'yaml';
import { z } from 'zod';
import { applyPatch, patchSchema } from './json-patch.js';
import { containersOf, type Manifest, readManifests, workloadOf } from './manifest.js';
import { applyReplacement, replacementSchema } from './replacements.js';

const generatorSchema = z.strictObject({
  name: z.string(),
  behavior: z.literal('merge').optional(),
  literals: z.array(z.string()).default([]),
  files: z.array(z.string()).default([]),
  options: z
    .strictObject({
      disableNameSuffixHash: z.boolean().default(false),
      labels: z.record(z.string(), z.string()),
    })
    .optional(),
});
const kustomizationSchema = z.strictObject({
  apiVersion: z.string(),
  kind: z.enum(['Kustomization', 'Component']),
  namespace: z.string().optional(),
  resources: z.array(z.string()).default([]),
  components: z.array(z.string()).default([]),
  configMapGenerator: z.array(generatorSchema).default([]),
  images: z
    .array(z.strictObject({ name: z.string(), newName: z.string(), newTag: z.string() }))
    .default([]),
  replicas: z.array(z.strictObject({ name: z.string(), count: z.number() })).default([]),
  patches: z
    .array(
      z.strictObject({
        target: z.strictObject({ kind: z.string(), name: z.string() }),
        patch: z.string(),
      }),
    )
    .default([]),
  replacements: z.array(replacementSchema).default([]),
});
type Kustomization = z.infer<typeof kustomizationSchema>;

/** The objects of a folder that has a `kustomization.yaml`, in the order in which it names them. */
export function renderKustomization(folder: string): Manifest[] {
  const maps = new Map<string, ConfigMap>();
  return withHashes(build(folder, [], maps), maps);
}

/** A generated ConfigMap gets its name at the end, by what is in it then. */
interface ConfigMap {
  manifest: Manifest & { data: Record<string, string> };
  hashed: boolean;
}

function build(folder: string, before: Manifest[], maps: Map<string, ConfigMap>): Manifest[] {
  const file = join(folder, 'kustomization.yaml');
  const read = kustomizationSchema.parse(parse(readFileSync(file, 'utf8')));
  let manifests = before;
  for (const resource of read.resources) {
    const path = join(folder, resource);
    if (existsSync(join(path, 'kustomization.yaml'))) manifests = build(path, manifests, maps);
    else manifests = [...manifests, ...readManifests(path)];
  }
  for (const component of read.components)
    manifests = build(join(folder, component), manifests, maps);
  for (const generator of read.configMapGenerator) {
    const generated = generate(folder, generator, maps);
    if (generated) manifests = [...manifests, generated];
  }
  return transform(manifests, read);
}

/** Undefined where it only adds to one that exists. */
function generate(
  folder: string,
  { name, behavior, literals, files, options }: z.infer<typeof generatorSchema>,
  maps: Map<string, ConfigMap>,
): Manifest | undefined {
  const data = Object.fromEntries([
    ...literals.map((literal) => {
      const at = literal.indexOf('=');
      return [literal.slice(0, at), literal.slice(at + 1)];
    }),
    ...files.map((path) => [basename(path), readFileSync(join(folder, path), 'utf8')]),
  ]);
  const known = maps.get(name);
  if ((known !== undefined) !== (behavior === 'merge')) {
    throw new Error(`${folder}: the ConfigMap ${name} is ${known ? 'there already' : 'not there'}`);
  }
  if (known) {
    Object.assign(known.manifest.data, data);
    return undefined;
  }
  const metadata = { name, ...(options && { labels: options.labels }) };
  const manifest = { apiVersion: 'v1', kind: 'ConfigMap', data, metadata };
  maps.set(name, { manifest, hashed: !options?.disableNameSuffixHash });
  return manifest;
}

function transform(manifests: Manifest[], read: Kustomization): Manifest[] {
  for (const { target, patch } of read.patches) {
    const operations = patchSchema.parse(parse(patch));
    const matches = (pattern: string, text: string) => new RegExp(`^(?:${pattern})$`).test(text);
    const targets = manifests.filter(
      ({ kind, metadata }) => matches(target.kind, kind) && matches(target.name, metadata.name),
    );
    if (targets.length === 0) throw new Error(`no object for the patch of ${target.name}`);
    for (const one of targets) applyPatch(one, operations);
  }
  for (const manifest of manifests) {
    if (read.namespace !== undefined) {
      const isNamespace = manifest.kind === 'Namespace';
      manifest.metadata[isNamespace ? 'name' : 'namespace'] = read.namespace;
    }
    const count = read.replicas.find(({ name }) => name === manifest.metadata.name)?.count;
    const workload = workloadOf(manifest);
    if (workload && count !== undefined) workload.replicas = count;
    for (const container of containersOf(manifest)) {
      const image = read.images.find(({ name }) => name === container.image);
      if (image) container.image = `${image.newName}:${image.newTag}`;
    }
  }
  for (const replacement of read.replacements) applyReplacement(replacement, manifests);
  return manifests;
}

function withHashes(manifests: Manifest[], maps: Map<string, ConfigMap>): Manifest[] {
  for (const [name, { manifest, hashed }] of maps) {
    if (!hashed) continue;
    manifest.metadata.name = `${name}-${hashOf(manifest.data)}`;
    for (const other of manifests) {
      for (const { envFrom = [] } of containersOf(other)) {
        for (const { configMapRef } of envFrom) {
          if (configMapRef.name === name) configMapRef.name = manifest.metadata.name;
        }
      }
    }
  }
  return manifests;
}

/** As Kustomize makes it, without the name: ten digits of a SHA-256, in letters that form no words. */
function hashOf(data: Record<string, string>): string {
  const sorted = Object.fromEntries(Object.entries(data).sort(([a], [b]) => (a < b ? -1 : 1)));
  const text = JSON.stringify({ data: sorted, kind: 'ConfigMap', name: '' });
  const digits = createHash('sha256').update(text).digest('hex').slice(0, 10);
  const letters: Record<string, string> = { 0: 'g', 1: 'h', 3: 'k', a: 'm', e: 't' };
  return digits.replace(/[013ae]/g, (digit) => letters[digit] ?? digit);
}
