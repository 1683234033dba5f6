/** All that operators, apps, Atlas or anybody else can be shown, as texts in which a test searches for secrets. */
import { expect, onTestFinished } from 'vitest';
import { createAtlasBatchClient } from '../../src/client/client.js';
import { createToken } from '../../src/config/api-tokens.js';
import { runCommand } from '../cli/run-command.js';
import type { System } from '../helpers/system.js';
import { waitUntil } from '../helpers/wait-until.js';
import { BODY_CANARY } from './leaky-atlas.js';

/** Of the HTTP API: its token is a secret too. */
export const API = createToken('canary', 'operate', null);

export interface Shown {
  /** Of the server. */
  url: string;
  /** Of the operator. */
  password: string;
  /** Of all batches, one of which is erased. */
  references: readonly string[];
}

const loginOf = ({ password }: Shown) =>
  `Basic ${Buffer.from(`operator:${password}`).toString('base64')}`;

async function read(url: string, path: string, authorization: string): Promise<string> {
  const response = await fetch(url + path, { headers: { authorization } });
  return `${path} ${response.status} ${JSON.stringify([...response.headers])} ${await response.text()}`;
}

/** @returns a page with its headers, as an operator gets it. */
export function readPage(shown: Shown, path: string): Promise<string> {
  return read(shown.url, path, loginOf(shown));
}

/** Pages of the dashboard, what is under them, and what a machine asks for. @param more Other paths. */
export async function everyPage(shown: Shown, more: readonly string[]): Promise<string> {
  const { url, references } = shown;
  const queues = ['atlas-batches', 'atlas-polls', 'atlas-completions', 'atlas-webhooks'];
  const bulk = '/dashboard/bulk?action';
  const paths = [
    ...['/metrics', '/health/live', '/health/ready', '/nowhere?token=x'],
    '/dashboard/workers',
    '/dashboard/batches',
    ...['failed', 'cancelled', 'completed', 'all&q=0'].map(
      (show) => `/dashboard/batches?show=${show}`,
    ),
    `${bulk}=retry&show=failed&which=all`,
    `${bulk}=cancel&show=running&which=all`,
    `${bulk}=redeliver&show=completed&which=all`,
    `${bulk}=redeliver&which=given-up`,
    ...references.map((reference) => `/dashboard/batches/${reference}`),
    ...queues.map((queue) => `/dashboard/api/queues?activeQueue=${queue}&jobsPerPage=100`),
    ...references.flatMap((reference) =>
      ['', '/logs', '/flow'].map(
        (part) => `/dashboard/api/queues/atlas-batches/batch-${reference}${part}`,
      ),
    ),
    ...more,
  ];
  const texts: string[] = [];
  for (const path of paths) texts.push(await readPage(shown, path));
  const broken = await fetch(`${url}/callbacks/atlas`, { method: 'POST', body: BODY_CANARY });
  texts.push(await broken.text());
  return texts.join('\n');
}

/** What apps get from the HTTP API, but for results, which are the extracts themselves. */
export async function everyApiResponse({ url, references }: Shown): Promise<string> {
  const authorization = `Bearer ${API.token}`;
  const batches = '/api/v1/batches';
  const texts: string[] = [];
  for (const path of [
    ...['', '?state=failed', '?text=0&sort=oldest', '?state=none', '?cursor=none'].map(
      (query) => batches + query,
    ),
    ...references.flatMap((reference) => [
      `${batches}/${reference}`,
      `${batches}/${reference}?wait=1`,
    ]),
    `${batches}/nobody/results`,
    '/api/v1/openapi.json',
    '/api/v1/docs',
  ])
    texts.push(await read(url, path, authorization));
  texts.push(await everyOutcome(url, authorization, references));
  const change = async (method: string, path: string, body?: string) => {
    const headers = { authorization, ...(body && { 'content-type': 'application/json' }) };
    const response = await fetch(`${url}${batches}${path}`, {
      method,
      headers,
      ...(body && { body }),
    });
    texts.push(`${method} ${path} ${response.status} ${await response.text()}`);
  };
  await change('PUT', '/first', '{"productType":"OTHER","documents":[]}');
  await change('POST', '/first/retry');
  await change('POST', '/first/cancel', '{"reason":"too late"}');
  await change('DELETE', '/nobody');
  await change('POST', ':bulk', '{"reference":"first"}\n{');
  return texts.join('\n');
}

/** The events of all batches from the first one on, and the progress of none. */
async function everyOutcome(
  url: string,
  authorization: string,
  references: readonly string[],
): Promise<string> {
  const leaving = new AbortController();
  onTestFinished(() => leaving.abort());
  const headers = { authorization, 'last-event-id': '0-0' };
  const { body } = await fetch(`${url}/api/v1/events`, { headers, signal: leaving.signal });
  let text = '';
  for await (const chunk of body ?? []) {
    text += new TextDecoder().decode(chunk);
    if (references.every((reference) => text.includes(`"${reference}"`))) break;
  }
  return text;
}

/** What the command line prints, and what the client of an app returns. */
export async function everyOutput({ environment, prefix }: System, { references }: Shown) {
  const commands = [
    ['list', '--json'],
    ['list', '--state', 'failed'],
    ['list', '--count', '--json'],
    ['status', ...references, '--json', '--timeline'],
    ['status', ...references, '--all', '--timeline'],
    ['retry', '--state', 'failed', '--dry-run', '--json'],
    ['redeliver', '--state', 'completed', '--dry-run'],
  ];
  const printed: string[] = [];
  for (const command of commands) {
    const { stdout, stderr } = await runCommand(command, environment);
    printed.push(`${command.join(' ')}\n${stdout}${stderr}`);
  }
  const client = createAtlasBatchClient({ redisUrl: environment.REDIS_URL ?? '', prefix });
  onTestFinished(() => client.close());
  const returned: unknown[] = [await client.list({ limit: 1000 }), await client.count()];
  for (const reference of references) {
    returned.push(await client.timeline(reference), await client.status(reference));
    returned.push(await client.wait(reference));
  }
  return { printed: printed.join('\n'), returned: JSON.stringify(returned) };
}

/** @returns the response. */
function submitForm(shown: Shown, path: string, body: string): Promise<Response> {
  return fetch(`${shown.url}/dashboard/${path}`, {
    method: 'POST',
    redirect: 'manual',
    headers: {
      authorization: loginOf(shown),
      'sec-fetch-site': 'same-origin',
      'content-type': 'application/x-www-form-urlencoded',
    },
    body,
  });
}

/** What operators do, each of which is written down: of the last the log has a certificate. */
export async function changeAll(shown: Shown): Promise<void> {
  const changes = {
    'first/poll': '',
    'second/cancel': 'reason=by mistake',
    'lost/retry': '',
    'first/redeliver': '',
    'third/erase': 'confirm=third&reason=ticket 7',
  };
  for (const [path, body] of Object.entries(changes)) {
    const { status } = await submitForm(shown, `batches/${path}`, body);
    // The certificate of an erase is its response: nothing else is left to lead to.
    expect([path, status]).toEqual([path, path.endsWith('/erase') ? 200 : 303]);
  }
}

/** Begins an action on many batches, and waits for its end. @returns the path of its page. */
export async function changeMany(shown: Shown): Promise<string> {
  const now = Date.now();
  const asked = `action=redeliver&show=completed&asked-at=${now}&until=${now}&total=2`;
  const { headers } = await submitForm(shown, 'bulk', asked);
  const path = headers.get('location') ?? '';
  expect(path).toMatch(/^\/dashboard\/bulk\/\w/);
  await waitUntil('the end of it', async () =>
    (await readPage(shown, path)).includes('It is done'),
  );
  return path;
}
