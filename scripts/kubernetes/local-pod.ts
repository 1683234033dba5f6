/**
 * Runs the container of a Deployment as a plain process, with exactly the environment that its
 * manifest and the image give it. What the cluster itself would give (an address, the folder of
 * secrets, credentials of the role) is given here.
 */
import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { platform } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { randomPort } from '../free-port.js';
import { type Container, containersOf, type Manifest } from './manifest.js';

const DOCKERFILE = fileURLToPath(new URL('../../Dockerfile', import.meta.url));
const PROBES = ['startupProbe', 'livenessProbe', 'readinessProbe'] as const;
type ProbeName = (typeof PROBES)[number];

export interface PodOptions {
  /** What `/app` is in the image: it holds `dist/cli.js`. */
  app: string;
  /** Holds a file for each secret, in the place of the path at which the pod mounts them. */
  secrets: string;
  /** What the cluster gives, and addresses of stand-ins in the place of those of the ConfigMap. */
  environment: Record<string, string>;
  /** Of the user that it runs as; default: ours. */
  uid?: number;
}

export interface Pod {
  readonly address: string;
  /** What the process was started with. */
  readonly environment: Readonly<Record<string, string>>;
  /** The port of this name, as it is here. */
  port(name: string): number;
  /** Names of its probes. */
  readonly probes: readonly ProbeName[];
  /** The status that a probe gets; 0 when nobody listens. */
  probe(name: ProbeName): Promise<number>;
  /** All that it has written. */
  output(): string;
  readonly hasExited: boolean;
  /** SIGTERM. Resolves to the exit code, or the signal that ended it. */
  stop(): Promise<number | string>;
  kill(): void;
}

/** The environment of a container: of the image, of its ConfigMaps, and its own. */
export function environmentOf(
  manifests: readonly Manifest[],
  { envFrom = [], env = [] }: Container,
): Record<string, string> {
  const maps = envFrom.map(({ configMapRef: { name } }) => {
    const map = manifests.find(
      ({ kind, metadata }) => kind === 'ConfigMap' && metadata.name === name,
    );
    if (map === undefined) throw new Error(`there is no ConfigMap ${name}`);
    return map.data as Record<string, string>;
  });
  const own = Object.fromEntries(env.map(({ name, value }) => [name, value]));
  return Object.assign({}, environmentOfImage(), ...maps, own);
}

/** What `ENV` of the last stage of the Dockerfile sets. */
function environmentOfImage(): Record<string, string> {
  const lastStage =
    readFileSync(DOCKERFILE, 'utf8')
      .split(/^FROM /m)
      .at(-1) ?? '';
  const lines = [...lastStage.matchAll(/^ENV (.*)$/gm)].flatMap(([, line = '']) => line.split(' '));
  return Object.fromEntries(lines.map((pair) => pair.split('=')));
}

/** The container of a Deployment. */
export function containerOf(manifests: readonly Manifest[], name: string): Container {
  const found = manifests.find(
    ({ kind, metadata }) => kind === 'Deployment' && metadata.name === name,
  );
  const [container] = found ? containersOf(found) : [];
  if (container === undefined) throw new Error(`there is no Deployment ${name}`);
  return container;
}

/** Starts it. Its stop is the caller's. */
export function startPod(manifests: readonly Manifest[], name: string, options: PodOptions): Pod {
  const container = containerOf(manifests, name);
  const { address, ports } = addressOf(container);
  const given = environmentOf(manifests, container);
  const adapted = Object.entries(given).map(([variable, value]): [string, string] => {
    const port = variable.endsWith('PORT') ? ports.get(Number(value)) : undefined;
    return [
      variable,
      port === undefined ? atMount(container, value, options.secrets) : String(port),
    ];
  });
  const environment = {
    PATH: process.env.PATH ?? '',
    ...Object.fromEntries(adapted),
    HOST: address,
    ...options.environment,
  };
  const command = [join(options.app, 'dist/cli.js'), ...(container.args ?? [])];
  const child = spawn(process.execPath, command, {
    cwd: options.app,
    env: environment,
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(options.uid !== undefined && { uid: options.uid, gid: options.uid }),
  });
  const portOf = (name: string) => {
    const number = container.ports?.find((one) => one.name === name)?.containerPort ?? 0;
    return ports.get(number) ?? number;
  };
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      output += text;
    });
  }
  const exited = once(child, 'exit').then(([code, signal]): number | string => code ?? signal);
  return {
    probes: PROBES.filter((probe) => container[probe] !== undefined),
    address,
    environment,
    port: portOf,
    async probe(probe) {
      const { path = '', port = '' } = container[probe]?.httpGet ?? {};
      const url = `http://${address}:${portOf(port)}${path}`;
      return fetch(url).then(
        ({ status }) => status,
        () => 0,
      );
    },
    output: () => output,
    get hasExited() {
      return child.exitCode !== null || child.signalCode !== null;
    },
    stop() {
      child.kill('SIGTERM');
      return exited;
    },
    kill: () => void child.kill('SIGKILL'),
  };
}

function atMount({ volumeMounts = [] }: Container, value: string, secrets: string): string {
  const mount = volumeMounts.find(({ mountPath }) => value.startsWith(`${mountPath}/`));
  return mount ? join(secrets, value.slice(mount.mountPath.length)) : value;
}

/**
 * A pod has an address of its own. All of 127.0.0.0/8 is this machine on Linux, so the ports stay as
 * they are there. Elsewhere each port becomes another one.
 */
function addressOf({ ports = [] }: Container): { address: string; ports: Map<number, number> } {
  if (platform() === 'linux') {
    const [a, b, c] = [randomInt(1, 255), randomInt(1, 255), randomInt(1, 255)];
    return { address: `127.${a}.${b}.${c}`, ports: new Map() };
  }
  const others = ports.map(({ containerPort }) => [containerPort, randomPort()] as const);
  return { address: '127.0.0.1', ports: new Map(others) };
}
