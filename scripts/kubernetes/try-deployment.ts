/**
 * Tries the Deployments of the production overlay without a cluster: their commands with their
 * environment, as plain processes under a user without rights, in a folder that they cannot write.
 * Batches flow by the HTTP API while every pod is replaced. It ends with 1 when a probe fails, a pod
 * does not end in order, or a batch does not end once.
 * Usage: npm run deploy:try [-- FOLDER], made by npm run image:folder; without it that is made first.
 */
import { execFileSync } from 'node:child_process';
import { lstatSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { argv, exit, getuid } from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import { createToken } from '../../src/config/api-tokens.js';
import { buildImageFolder } from '../image/build-folder.js';
import { renderKustomization } from './kustomize.js';
import { type LocalCluster, startLocalCluster } from './local-cluster.js';
import { containerOf, type Pod, startPod } from './local-pod.js';
import { KUBERNETES } from './make-manifests.js';
import { workloadOf } from './manifest.js';

const MANIFESTS = renderKustomization(join(KUBERNETES, 'overlays/production'));
const DEPLOYMENTS = ['atlas-batch-worker', 'atlas-batch-server'] as const;
type Deployment = (typeof DEPLOYMENTS)[number];
/** Of each. */
const REPLICAS = 2;
/** A pod that is not ready by then never will be. */
const READY_TIMEOUT_MS = 30_000;
/** Time for all batches to end after the restart: locks of a worker that was killed take 12 s. */
const END_TIMEOUT_MS = 60_000;
const ADD_EVERY_MS = 100;
const DOCUMENTS = 3;
const TENANT = 'trial';

const TOKEN = createToken('trial', 'submit', TENANT);

/** Starts a pod and waits for its probes, as a kubelet does. */
async function start(deployment: Deployment, app: string, cluster: LocalCluster): Promise<Pod> {
  const { runAsUser } = securityContextOf(deployment);
  const pod = startPod(MANIFESTS, deployment, {
    app,
    secrets: cluster.secrets.path,
    environment: cluster.environment,
    // Only root may become somebody else.
    ...(getuid?.() === 0 && { uid: runAsUser }),
  });
  for (const probe of pod.probes) {
    await until(`${deployment}: ${probe}`, READY_TIMEOUT_MS, async () => {
      if (pod.hasExited) throw new Error(`${deployment} has ended: ${pod.output()}`);
      return (await pod.probe(probe)) === 200;
    });
  }
  if (deployment === 'atlas-batch-server') cluster.ready.push(pod);
  return pod;
}

function securityContextOf(deployment: Deployment): { runAsUser: number } {
  const manifest = MANIFESTS.find(
    ({ kind, metadata }) => kind === 'Deployment' && metadata.name === deployment,
  );
  const spec = manifest && workloadOf(manifest)?.template.spec;
  return Reflect.get(Object(spec), 'securityContext');
}

/** Ends a pod as a rollout does: no new requests, then SIGTERM. */
async function stop(pod: Pod, { ready }: LocalCluster): Promise<void> {
  if (ready.includes(pod)) ready.splice(ready.indexOf(pod), 1);
  const code = await pod.stop();
  if (code !== 0) throw new Error(`a pod ended with ${code}: ${pod.output()}`);
}

/** The health check of the image, within the pod. */
function checkHealth(pod: Pod, app: string): void {
  const script = join(app, 'scripts/healthcheck.mjs');
  execFileSync(process.execPath, [script], { env: pod.environment, stdio: 'inherit' });
}

/** Adds batches by the HTTP API until it is stopped. */
function addBatches({ serviceUrl, simulators: { s3 } }: LocalCluster) {
  const references: string[] = [];
  const stopping = new AbortController();
  const headers = { authorization: `Bearer ${TOKEN.token}`, 'content-type': 'application/json' };
  const adding = (async () => {
    while (!stopping.signal.aborted) {
      const reference = `trial-${references.length + 1}`;
      const documents = Array.from({ length: DOCUMENTS }, (_, n) => {
        const [documentId, key] = [`00${n + 1}`, `${reference}/${n + 1}.jpg`];
        s3.put('kyc-documents', key, `scan ${key}`);
        return { documentId, bucket: 'kyc-documents', key };
      });
      const body = JSON.stringify({ productType: 'LOAN_APP', documents });
      const url = `${serviceUrl}/api/v1/batches/${reference}`;
      const response = await fetch(url, { method: 'PUT', headers, body });
      if (!response.ok)
        throw new Error(`${reference}: ${response.status} ${await response.text()}`);
      references.push(reference);
      await delay(ADD_EVERY_MS);
    }
  })();
  return {
    references,
    async stop() {
      stopping.abort();
      await adding;
    },
  };
}

async function statusOf({ serviceUrl }: LocalCluster, reference: string): Promise<string> {
  const headers = { authorization: `Bearer ${TOKEN.token}` };
  const response = await fetch(`${serviceUrl}/api/v1/batches/${reference}`, { headers });
  const { state } = (await response.json()) as { state: string };
  return state;
}

async function until(what: string, timeoutMs: number, ask: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await ask())) {
    if (performance.now() > deadline) throw new Error(`${what} did not come in ${timeoutMs} ms`);
    await delay(50);
  }
}

/** Every file of the folder, with what changes when somebody writes it. */
function filesOf(app: string): string {
  return readdirSync(app, { recursive: true, encoding: 'utf8' })
    .map((path) => `${path} ${lstatSync(join(app, path)).mtimeMs}`)
    .sort()
    .join('\n');
}

async function tryDeployment(app: string): Promise<void> {
  const isRoot = getuid?.() === 0;
  // What belongs to root cannot be written by the user of the pods anyway.
  if (!isRoot) execFileSync('chmod', ['-R', 'a-w', app]);
  const before = filesOf(app);
  const cluster = await startLocalCluster(TOKEN.line);
  const pods: { deployment: Deployment; pod: Pod }[] = [];
  try {
    for (const deployment of DEPLOYMENTS) {
      for (let n = 0; n < REPLICAS; n += 1) {
        pods.push({ deployment, pod: await start(deployment, app, cluster) });
      }
      const { args = [] } = containerOf(MANIFESTS, deployment);
      console.log(`${deployment}: ${REPLICAS} of \`${args.join(' ')}\` pass their probes`);
    }
    for (const { pod } of pods) checkHealth(pod, app);
    console.log("the image's health check finds each of them well");

    const adding = addBatches(cluster);
    for (const place of pods) {
      const old = place.pod;
      place.pod = await start(place.deployment, app, cluster);
      await stop(old, cluster);
    }
    await adding.stop();
    console.log(`all pods were replaced while ${adding.references.length} batches were added`);

    for (const reference of adding.references) {
      await until(`the end of ${reference}`, END_TIMEOUT_MS, async () => {
        const state = await statusOf(cluster, reference);
        if (state === 'failed') throw new Error(`${reference} has failed`);
        return state === 'completed';
      });
    }
    const { length } = adding.references;
    await until('the events', END_TIMEOUT_MS, async () => cluster.deliveries.length >= length);
    const counts = {
      uploads: cluster.simulators.atlas.uploads().length,
      events: new Set(cluster.deliveries).size,
    };
    if (counts.uploads !== length || counts.events !== length) {
      throw new Error(`${length} batches had ${counts.uploads} uploads, ${counts.events} events`);
    }
    console.log(`each batch was sent once, completed, and told of once`);
    for (const { pod } of pods) await stop(pod, cluster);
    if (filesOf(app) !== before) throw new Error('somebody has written into the working folder');
    console.log('all pods ended with 0, and wrote nothing into their folder');
  } finally {
    for (const { pod } of pods) pod.kill();
    await cluster.stop();
    if (!isRoot) execFileSync('chmod', ['-R', 'u+w', app]);
  }
}

const [given] = argv.slice(2);
const made = mkdtempSync(join(tmpdir(), 'atlas-batch-try-'));
try {
  execFileSync('chmod', ['755', made]);
  const app = given ?? join(made, 'app');
  if (given === undefined) buildImageFolder(app);
  await tryDeployment(app);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
} finally {
  rmSync(made, { recursive: true });
}
// A Service that stands still keeps connections open.
exit();
