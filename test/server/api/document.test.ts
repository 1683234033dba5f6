import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { AUTHORIZATION, LOGIN } from '../test-server.js';
import { startApi, TOKENS } from './test-api.js';

const DOCUMENTS = ['/openapi.json', '/docs'];

it('the document passes a public linter', async () => {
  const { stdout, stderr } = await promisify(execFile)(
    process.execPath,
    ['node_modules/@redocly/cli/bin/cli.js', 'lint', 'schemas/openapi.json'],
    {
      env: { ...process.env, REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true' },
    },
  );
  expect(stdout + stderr).toContain('Your API description is valid');
});

it('a token of any role reads the document and its page', async () => {
  const { call } = await startApi();
  const document = await call('readA', 'GET /openapi.json');
  expect(document.json()).toMatchObject({ openapi: '3.1.0', info: { title: 'atlas-batch' } });
  const page = await call('submitA', 'GET /docs');
  expect(page.headers['content-type']).toBe('text/html; charset=utf-8');
  for (const { operationId } of operationsOf(document.json())) {
    expect(page.body).toContain(`<section id="${operationId}">`);
  }
});

it('the page of the API loads nothing, from nowhere', async () => {
  const { call } = await startApi();
  const { headers, body } = await call('read', 'GET /docs');
  expect(headers['content-security-policy']).toMatch(/^default-src 'none'; style-src 'sha256-/);
  expect(body).not.toMatch(/<script|<img|https?:\/\/| style=| on[a-z]+=|@import|url\(/);
  expect(body.match(/ href="(?!#|data:|\/api\/v1\/openapi\.json")/g)).toBeNull();
  expect(body).not.toContain('[object Object]');
});

it('the login of the dashboard opens the document, where the dashboard is', async () => {
  const together = await startApi(LOGIN);
  const apart = await startApi({ ...LOGIN, ADMIN_PORT: '0' });
  const without = await startApi();
  for (const path of DOCUMENTS) {
    const url = `/api/v1${path}`;
    const read = async ({ server }: typeof together, authorization: string) => {
      const response = await server.app.inject({ url, headers: { authorization } });
      return response.statusCode;
    };
    expect(await read(together, AUTHORIZATION)).toBe(200);
    expect(await read(together, `Bearer ${TOKENS.read}`)).toBe(200);
    expect(await read(together, 'Bearer nothing')).toBe(401);
    expect(await read(together, `Basic ${btoa('operator:wrong')}`)).toBe(401);
    expect(await read(apart, AUTHORIZATION)).toBe(401);
    expect(await read(without, AUTHORIZATION)).toBe(401);
    const asked = await together.server.app.inject(url);
    expect([asked.statusCode, asked.headers['www-authenticate']]).toEqual([
      401,
      expect.stringContaining('Basic'),
    ]);
    const token = await without.server.app.inject(url);
    expect([token.statusCode, token.headers['www-authenticate']]).toEqual([
      401,
      'Bearer realm="atlas-batch"',
    ]);
  }
});

function operationsOf({ paths }: { paths: Record<string, Record<string, object>> }) {
  return Object.values(paths).flatMap((methods) => Object.values(methods)) as {
    operationId: string;
  }[];
}
