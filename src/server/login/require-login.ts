/**
 * Who may use the dashboard: whom the proxy names, or who has a name and a password, by HTTP Basic.
 */
import basicAuth from '@fastify/basic-auth';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { ServerContext } from '../context.js';
import { trustedProxies } from '../trusted-proxies.js';
import { LoginAttempts } from './login-attempts.js';
import { type Operator, setOperator } from './operator.js';
import { Passwords } from './passwords.js';
import { followUsersFile, type User } from './users-file.js';

/** Longer ones are nobody's name. */
const MAX_NAMED_LENGTH = 100;
/** While too many logins wait to be compared. */
const BUSY_SECONDS = 5;

class LoginError extends Error {
  constructor(readonly statusCode: 401 | 429) {
    super(statusCode === 401 ? 'wrong user or password' : 'too many failed logins');
  }
}

/** Whether anybody can log in, and so whether there is a dashboard. */
export function hasLogin({ config }: ServerContext): boolean {
  const { DASHBOARD_USER, DASHBOARD_USERS_FILE, OPERATOR_HEADER } = config;
  return [DASHBOARD_USER, DASHBOARD_USERS_FILE, OPERATOR_HEADER].some((one) => one !== null);
}

/**
 * Asks for a login before every route of this scope, and before paths that have none.
 * @param isExempt Whether a request needs none, since it shows by other means who sends it.
 * @throws UsageError when the users file is wrong.
 */
export async function requireLogin(
  app: FastifyInstance,
  context: ServerContext,
  isExempt: (request: FastifyRequest) => boolean = () => false,
): Promise<void> {
  const { config } = context;
  const { usersFile, byPassword } = loginOf(context);
  if (usersFile) app.addHook('onClose', async () => usersFile.stop());

  await app.register(basicAuth, {
    authenticate: { realm: 'atlas-batch' },
    async validate(name, password, request, reply) {
      setOperator(request, await byPassword(name, password, request, reply));
    },
  });
  const isProxy = trustedProxies(config.TRUST_PROXY);
  app.addHook('onRequest', (request, reply, done) => {
    if (isExempt(request)) return done();
    const named = isProxy(request.socket.remoteAddress ?? '') ? nameIn(request, context) : null;
    if (named === null) return app.basicAuth(request, reply, done);
    setOperator(request, personOf(named, usersFile?.users));
    done();
  });
}

/** The dashboard, and the document of the API, have one login: wrong passwords of both count. */
const logins = new WeakMap<ServerContext, ReturnType<typeof openLogin>>();

function loginOf(context: ServerContext): ReturnType<typeof openLogin> {
  const known = logins.get(context) ?? openLogin(context);
  logins.set(context, known);
  return known;
}

function openLogin(context: ServerContext) {
  const file = context.config.DASHBOARD_USERS_FILE;
  const usersFile = file === null ? undefined : followUsersFile(file, context.logger);
  const users: Users = () => usersFile?.users ?? new Map();
  return { usersFile, byPassword: passwordLogin(context, users) };
}

type Users = () => ReadonlyMap<string, User>;

function passwordLogin({ config, metrics, logger }: ServerContext, users: Users) {
  const single = () => {
    const { DASHBOARD_USER: user, DASHBOARD_PASSWORD: password } = config;
    return user === null || password === null ? [] : [{ user, password }];
  };
  const passwords = new Passwords({ single, users });
  const isUser = (name: string) => users().has(name) || name === config.DASHBOARD_USER;
  const attempts = new LoginAttempts(isUser);

  /** Null when they are nobody's. */
  const check = async (
    name: string,
    password: string,
    address: string,
  ): Promise<Operator | null> => {
    const pending = passwords.pending(name, password);
    if (pending) return pending;
    attempts.begin(name, address);
    const operator = await passwords.check(name, password);
    if (operator) attempts.passed(name, address);
    return operator;
  };

  return async (
    name: string,
    password: string,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<Operator> => {
    const address = request.ip;
    const known = passwords.known(name, password);
    const waitSeconds =
      attempts.lockedFor(name, address) || (known === null && passwords.isBusy ? BUSY_SECONDS : 0);
    const operator = waitSeconds > 0 ? null : (known ?? (await check(name, password, address)));
    if (operator) return operator;
    if (known === null) metrics.loginsFailed.inc();
    if (waitSeconds > 0) {
      reply.header('retry-after', waitSeconds);
      throw new LoginError(429);
    }
    // A password is typed in the place of the name now and then: only names that are known are logged.
    const locked = attempts.lockedFor(name, address) > 0;
    logger.warn(
      { address, ...(isUser(name) && { name }), ...(locked && { locked }) },
      locked
        ? 'a login to the dashboard failed; the name is locked at that address for a minute'
        : 'a login to the dashboard failed',
    );
    throw new LoginError(401);
  };
}

/** The person in the proxy's header; null when there is none. */
function nameIn(request: FastifyRequest, { config }: ServerContext): string | null {
  const header = config.OPERATOR_HEADER;
  const value = header === null ? undefined : request.headers[header];
  if (typeof value !== 'string') return null;
  // Node reads headers as latin1, and proxies write UTF-8.
  const name = Buffer.from(value, 'latin1').toString().trim().slice(0, MAX_NAMED_LENGTH);
  return name === '' ? null : name;
}

/** With a users file the role is what it says, and whom it does not have may change nothing. */
function personOf(name: string, users: ReadonlyMap<string, User> | undefined): Operator {
  if (users === undefined) return { name, role: 'operate' };
  return { name, role: users.get(name)?.role ?? 'view' };
}
