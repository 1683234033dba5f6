/** Commands of `kubectl` in pages and manifests: what an operator copies has to reach our pods. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { renderKustomization } from '../../scripts/kubernetes/kustomize.js';
import { KUBERNETES, OVERLAYS } from '../../scripts/kubernetes/make-manifests.js';

const ROOT = join(KUBERNETES, '../..');
const OBJECTS = OVERLAYS.flatMap((overlay) =>
  renderKustomization(join(KUBERNETES, 'overlays', overlay)),
);

const FILES = [
  ...readdirSync(ROOT).filter((name) => name.endsWith('.md')),
  ...['docs', 'deploy'].flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => /\.(md|ya?ml)$/.test(name))
      .map((name) => join(folder, name)),
  ),
];

/** Each command with the lines that it goes on in. A verb alone, in a text, is none. */
const COMMANDS = FILES.flatMap((file) => {
  const text = readFileSync(join(ROOT, file), 'utf8').replace(/\\\n\s*/g, '');
  const inText = [...text.matchAll(/(?<!`)`(kubectl [^`]+)`/g)].map(([, code = '']) => code);
  const ofLines = text
    .replace(/(?<!`)`[^`]+`(?!`)/g, '')
    .split('\n')
    .flatMap((line) => line.match(/kubectl [^|]+/g) ?? []);
  return [...inText, ...ofLines]
    .map((command) => ({ file, command: command.replace(/\s+/g, ' ').trim() }))
    .filter(({ command }) => command.split(' ').length > 2);
});

/** What knows its namespace from the objects, or belongs to none. */
const OF_THE_CLUSTER = /^kubectl (?:kustomize |diff |apply -k |create namespace )/;

test('each command of kubectl names a namespace of ours, and objects that are in it', () => {
  expect(COMMANDS.length).toBeGreaterThan(10);
  const namespaces = OBJECTS.flatMap(({ metadata }) => metadata.namespace ?? []);
  const names = new Set(
    OBJECTS.map(({ kind, metadata }) => `${kind.toLowerCase()} ${metadata.name}`),
  );
  const wrong = COMMANDS.filter(({ command }) => !OF_THE_CLUSTER.test(command)).filter(
    ({ command }) => {
      const [, namespace = ''] = /^kubectl -n (\S+) /.exec(command) ?? [];
      const object = /\b(deployment|service|scaledobject)[ /](\S+)/.exec(command);
      const isThere = object === null || names.has(`${object[1]} ${object[2]}`);
      return !namespaces.includes(namespace) || !isThere;
    },
  );
  expect(wrong).toEqual([]);
});

test('every object of an overlay names its namespace', () => {
  const others = OBJECTS.filter(({ kind }) => kind !== 'Namespace');
  expect(others.filter(({ metadata }) => metadata.namespace === undefined)).toEqual([]);
});
