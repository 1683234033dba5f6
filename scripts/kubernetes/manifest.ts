/** Objects of the Kubernetes API as they stand in files, and what is asked of those that run pods. */
import { readFileSync } from 'node:fs';
import { parseAllDocuments } from 'yaml';
import { z } from 'zod';

const manifestSchema = z.looseObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.looseObject({ name: z.string(), namespace: z.string().optional() }),
});

/** One object, as it is applied. */
export type Manifest = z.infer<typeof manifestSchema>;

/** The objects of a file of YAML. @throws Error that names the file. */
export function readManifests(path: string): Manifest[] {
  return parseAllDocuments(readFileSync(path, 'utf8')).map((document) => {
    const [error] = document.errors;
    if (error) throw new Error(`${path}: ${error.message}`);
    return manifestSchema.parse(document.toJS());
  });
}

interface Probe {
  httpGet?: { path: string; port: string };
}

export interface Container {
  name: string;
  image: string;
  args?: string[];
  env?: { name: string; value: string }[];
  envFrom?: { configMapRef: { name: string } }[];
  ports?: { name: string; containerPort: number }[];
  startupProbe?: Probe;
  livenessProbe?: Probe;
  readinessProbe?: Probe;
  volumeMounts?: { name: string; mountPath: string }[];
}

export interface PodSpec {
  containers: Container[];
  volumes?: { name: string; projected?: { sources: { secret: { name: string } }[] } }[];
}

interface Workload {
  replicas?: number;
  template: { spec: PodSpec };
}

/** Of a Deployment or a StatefulSet, not a copy; undefined for what runs no pods. */
export function workloadOf({ kind, spec }: Manifest): Workload | undefined {
  return kind === 'Deployment' || kind === 'StatefulSet' ? (spec as Workload) : undefined;
}

/** The containers of its pods; none for what runs no pods. */
export function containersOf(manifest: Manifest): Container[] {
  return workloadOf(manifest)?.template.spec.containers ?? [];
}
