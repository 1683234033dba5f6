/** The document of the API, for programs and as a page: for tokens of any role, and for who may log in. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { addBasePathToPages, prefixOf } from '../base-path.js';
import { bearerToken } from '../bearer-token.js';
import type { ServerContext } from '../context.js';
import { hasLogin, requireLogin } from '../login/require-login.js';
import { openApiDocument } from './openapi.js';
import { REFERENCE_POLICY, referencePage } from './reference-page.js';

/** Checks the token of a request. */
type CheckToken = (request: FastifyRequest) => void;

interface DocumentOptions {
  /** @throws ApiProblem without a token that is known. */
  checkToken: CheckToken;
  /** Whether the login of the dashboard will do too: where the dashboard is served. */
  withLogin: boolean;
}

export async function documentRoutes(
  scope: FastifyInstance,
  context: ServerContext,
  { checkToken, withLogin }: DocumentOptions,
): Promise<void> {
  const mayLogIn = withLogin && hasLogin(context);
  const hasToken = ({ headers }: FastifyRequest) =>
    bearerToken(headers.authorization) !== undefined;
  if (mayLogIn) await requireLogin(scope, context, hasToken);
  scope.addHook('onRequest', async (request) => {
    if (!mayLogIn || hasToken(request)) checkToken(request);
  });

  const { BASE_PATH } = context.config;
  addBasePathToPages(scope, prefixOf(context.config));
  const document = openApiDocument(BASE_PATH);
  const text = `${JSON.stringify(document, null, 2)}\n`;
  const page = referencePage(document);
  scope.get('/openapi.json', (_request, reply) => reply.type('application/json').send(text));
  scope.get('/docs', (_request, reply) =>
    reply
      .type('text/html; charset=utf-8')
      .header('content-security-policy', REFERENCE_POLICY)
      .send(page),
  );
}
