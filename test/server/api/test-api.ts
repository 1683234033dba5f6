import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { InjectOptions } from 'fastify';
import { onTestFinished } from 'vitest';
import { type ApiRole, createToken } from '../../../src/config/api-tokens.js';
import type { Logger } from '../../../src/logging.js';
import { createServer } from '../test-server.js';

/** Tokens that every test of the API has, by who holds them. */
const HOLDERS: Record<string, [role: ApiRole, tenant: string | null]> = {
  submitA: ['submit', 'a'],
  submitB: ['submit', 'b'],
  readA: ['read', 'a'],
  read: ['read', null],
  operate: ['operate', null],
  operateA: ['operate', 'a'],
};

const MADE = Object.fromEntries(
  Object.entries(HOLDERS).map(([name, [role, tenant]]) => [name, createToken(name, role, tenant)]),
);

/** The tokens, by who holds them. */
export const TOKENS: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(MADE).map(([name, { token }]) => [name, token]),
);

/** Lines of the file with all of them. */
export const TOKEN_LINES = Object.values(MADE).map(({ line }) => line);

/** A file of tokens, removed when the test ends. */
export function tokensFile(lines: readonly string[] = TOKEN_LINES): string {
  const folder = mkdtempSync(join(tmpdir(), 'atlas-batch-tokens-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'tokens');
  writeFileSync(path, `# tokens\n${lines.join('\n')}\n`);
  return path;
}

type Call = Pick<InjectOptions, 'payload' | 'headers'>;

/** A server with the API that does not listen, and calls of it. */
export async function startApi(environment: Record<string, string> = {}, logger?: Logger) {
  const { server, url, prefix } = await createServer(
    { API_TOKENS_FILE: tokensFile(), ...environment },
    { ...(logger && { logger }) },
  );
  return {
    server,
    url,
    prefix,
    /** @param as Who holds the token. @param what `GET /batches/x`, below `/api/v1`. */
    call(as: string, what: string, { payload, headers = {} }: Call = {}) {
      const [method = '', path = ''] = what.split(' ');
      return server.app.inject({
        method: method as 'GET',
        url: `/api/v1${path}`,
        headers: { authorization: `Bearer ${TOKENS[as] ?? as}`, ...headers },
        ...(payload !== undefined && { payload }),
      });
    },
  };
}
