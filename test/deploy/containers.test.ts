/** The image, the compose file of production and the task definitions of ECS. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { readDockerfile } from '../../scripts/image/dockerfile.js';
import { loadConfig, loadServerConfig } from '../../src/config/environment.js';
import { WEBHOOK_SECRET } from '../helpers/webhook-receiver.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const read = (file: string) => readFileSync(`${ROOT}${file}`, 'utf8');

const DOCKERFILE = read('Dockerfile');
const STAGES = readDockerfile(DOCKERFILE);
const IMAGE = STAGES.at(-1)?.instructions ?? [];
const ofImage = (name: string) => IMAGE.find((one) => one.name === name)?.text;

/** What a secret may hold. */
const SECRETS: Readonly<Record<string, string>> = {
  REDIS_URL: 'redis://:secret@redis:6379',
  ATLAS_CLIENT_ID: 'client',
  ATLAS_CLIENT_SECRET: 'client-secret',
  CALLBACK_CLIENT_ID: 'atlas',
  CALLBACK_CLIENT_SECRET: 'callback-secret',
  COMPLETION_WEBHOOK_SECRET: WEBHOOK_SECRET,
  DASHBOARD_USER: 'operator',
  DASHBOARD_PASSWORD: 'correct horse',
};

test('the image runs as a user with a number, and is reached by the address of its container', () => {
  expect(ofImage('USER')).toMatch(/^[1-9]\d+:[1-9]\d+$/);
  expect(ofImage('ENV')?.split(' ')).toContain('HOST=0.0.0.0');
  expect(ofImage('STOPSIGNAL')).toBe('SIGTERM');
});

test('all stages of the image have one base, which a release can name by its digest', () => {
  expect(DOCKERFILE).toMatch(/^ARG NODE_IMAGE=node:\d+-alpine$/m);
  const bases = [...DOCKERFILE.matchAll(/^FROM \$\{(\w+)\}/gm)].map(([, name]) => name);
  expect(bases).toEqual(STAGES.map(() => 'NODE_IMAGE'));
});

const SERVICE = z.object({
  image: z.string(),
  command: z.array(z.string()),
  environment: z.record(z.string(), z.string()).default({}),
  secrets: z.array(z.string()),
  read_only: z.boolean().optional(),
  cap_drop: z.array(z.string()).optional(),
  stop_grace_period: z.string().optional(),
  mem_limit: z.string(),
  restart: z.literal('unless-stopped'),
});
const COMPOSE = z
  .object({
    services: z.object({ redis: SERVICE, worker: SERVICE, server: SERVICE }),
    secrets: z.record(z.string(), z.object({ file: z.string() })),
  })
  .parse(parse(read('deploy/compose/compose.yaml'), { merge: true }));

test('the Redis of the compose file of production forgets and evicts nothing, and has a bound', () => {
  const command = COMPOSE.services.redis.command.join(' ');
  for (const setting of [
    '--appendonly yes',
    '--appendfsync everysec',
    '--maxmemory-policy noeviction',
    '--maxmemory 3gb',
  ]) {
    expect(command).toContain(setting);
  }
});

test.each(['worker', 'server'] as const)(
  'the %s of the compose file of production has a valid configuration, and its secrets as files',
  (name) => {
    const { environment, secrets, ...service } = COMPOSE.services[name];
    expect(service).toMatchObject({ read_only: true, cap_drop: ['ALL'] });
    const files = Object.entries(environment).filter(([variable]) => variable.endsWith('_FILE'));
    expect(files.map(([, path]) => path.replace('/run/secrets/', '')).sort()).toEqual(
      [...secrets].sort(),
    );
    expect(Object.keys(COMPOSE.secrets)).toEqual(expect.arrayContaining(secrets));
    const values = files.map(([variable]) => variable.replace(/_FILE$/, ''));
    const inClear = Object.fromEntries(values.map((variable) => [variable, SECRETS[variable]]));
    const others = Object.entries(environment).filter(([variable]) => !variable.endsWith('_FILE'));
    const load = name === 'worker' ? loadConfig : loadServerConfig;
    expect(() => load({ ...Object.fromEntries(others), ...inClear })).not.toThrow();
  },
);

test('a worker of the compose file of production has more time to end than it takes', () => {
  expect(COMPOSE.services.worker.stop_grace_period).toBe('30s');
});

const TASK = z.object({
  requiresCompatibilities: z.tuple([z.literal('FARGATE')]),
  networkMode: z.literal('awsvpc'),
  cpu: z.string(),
  memory: z.string(),
  containerDefinitions: z.tuple([
    z.object({
      command: z.tuple([z.string()]),
      user: z.string(),
      readonlyRootFilesystem: z.literal(true),
      stopTimeout: z.number(),
      environment: z.array(z.strictObject({ name: z.string(), value: z.string() })),
      secrets: z.array(z.strictObject({ name: z.string(), valueFrom: z.string() })),
      healthCheck: z.object({ command: z.array(z.string()) }),
    }),
  ]),
});

test.each(['worker', 'server'] as const)(
  'the task definition of the %s is as the image',
  (name) => {
    const task = TASK.parse(JSON.parse(read(`deploy/ecs/${name}.json`)));
    const [container] = task.containerDefinitions;
    expect(container).toMatchObject({ command: [name], user: ofImage('USER'), stopTimeout: 30 });
    const check = /CMD (\[.*\])$/.exec(ofImage('HEALTHCHECK') ?? '')?.[1] ?? '[]';
    expect(container.healthCheck.command).toEqual(['CMD', ...JSON.parse(check)]);
    const secrets = container.secrets.map((secret) => [secret.name, SECRETS[secret.name]]);
    const others = container.environment.map((variable) => [variable.name, variable.value]);
    const load = name === 'worker' ? loadConfig : loadServerConfig;
    expect(() => load(Object.fromEntries([...others, ...secrets]))).not.toThrow();
  },
);
