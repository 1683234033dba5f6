/** Where Redis is and how to log in there: one server, Sentinels that know a master, or a Cluster. */
import { andNot } from '../../check-options.js';
import { type TlsSource, tlsFileIssues, tlsFromFiles } from './tls.js';

/** One server. */
export interface RedisNode {
  /** A name or an address. */
  host: string;
  port: number;
}

export interface RedisCredentials {
  username?: string | undefined;
  password?: string | undefined;
  /** Of the Sentinels themselves. */
  sentinelPassword?: string | undefined;
}

interface RedisAccess {
  /** Asked for each connection. */
  credentials: () => RedisCredentials;
  db: number;
  /** Undefined: without TLS. */
  tls?: TlsSource | undefined;
}

export interface SingleTarget extends RedisAccess {
  kind: 'single';
  node: RedisNode;
}

export interface SentinelTarget extends RedisAccess {
  kind: 'sentinels';
  sentinels: readonly RedisNode[];
  /** What the Sentinels call the master. */
  name: string;
}

export interface ClusterTarget extends RedisAccess {
  kind: 'cluster';
  /** Some nodes: each knows all. */
  nodes: readonly RedisNode[];
  /** Where a node is that others know under an address which is not ours; undefined: there. */
  natMap?: ((node: RedisNode) => RedisNode | null | undefined) | undefined;
}

export type RedisTarget = SingleTarget | SentinelTarget | ClusterTarget;

/** What the variables of Redis say. An empty one is not set. */
export interface RedisVariables {
  REDIS_URL: string;
  REDIS_CLUSTER: boolean;
  REDIS_SENTINELS: readonly string[];
  REDIS_SENTINEL_NAME: string | null;
  REDIS_SENTINEL_PASSWORD: string | null;
  REDIS_TLS_CA_FILE: string | null;
  REDIS_TLS_CERT_FILE: string | null;
  REDIS_TLS_KEY_FILE: string | null;
  QUEUE_PREFIX: string;
}

/** What is wrong with a variable, as the end of a sentence that begins with its name. */
export interface VariableIssue {
  variable: keyof RedisVariables;
  issue: string;
}

const REDIS_PORT = 6379;
const SENTINEL_PORT = 26_379;
/** The last port of TCP. */
export const MAX_PORT = 65_535;
const WANTED = 'must be a URL such as redis://127.0.0.1:6379';
const SEVERAL_HOSTS = '; several hosts need REDIS_CLUSTER=true';
const ESCAPES = '; write / ? # @ of a password as %2F %3F %23 %40';

/** @throws TypeError for variables that {@link redisIssues} finds something wrong with. */
export function targetOf(variables: RedisVariables): RedisTarget {
  const { REDIS_URL: url, REDIS_SENTINELS: sentinels, REDIS_CLUSTER: isCluster } = variables;
  const { nodes, tls, db, ...credentials } = readUrls(url, isCluster);
  const files = filesOf(variables);
  const sentinelPassword = variables.REDIS_SENTINEL_PASSWORD ?? undefined;
  const isTls = tls ?? Object.values(files).some((file) => file !== undefined);
  const access: RedisAccess = {
    credentials: () => ({ ...credentials, sentinelPassword }),
    db,
    tls: isTls ? tlsFromFiles(files) : undefined,
  };
  if (isCluster) return { kind: 'cluster', nodes, ...access };
  if (sentinels.length === 0) return { kind: 'single', node: nodes[0] as RedisNode, ...access };
  return {
    kind: 'sentinels',
    sentinels: sentinels.map((sentinel) => parseNode(sentinel, SENTINEL_PORT)),
    name: variables.REDIS_SENTINEL_NAME ?? '',
    ...access,
  };
}

/** Everything that is wrong with the variables, and no part of what they hold. */
export function redisIssues(variables: RedisVariables): VariableIssue[] {
  const issues: VariableIssue[] = [];
  const say = (variable: keyof RedisVariables, issue: string) =>
    void issues.push({ variable, issue });
  const { REDIS_URL: url, REDIS_SENTINELS: sentinels, REDIS_CLUSTER: isCluster } = variables;
  const hasSentinels = sentinels.length > 0;
  if (url === '' && !hasSentinels) {
    say('REDIS_URL', 'is missing; set a URL such as redis://127.0.0.1:6379');
  }
  if (hasSentinels && variables.REDIS_SENTINEL_NAME === null) {
    say('REDIS_SENTINEL_NAME', 'is missing; REDIS_SENTINELS needs it');
  }
  for (const name of ['REDIS_SENTINEL_NAME', 'REDIS_SENTINEL_PASSWORD'] as const) {
    if (!hasSentinels && variables[name] !== null) {
      say('REDIS_SENTINELS', `is missing; ${name} needs it`);
    }
  }
  const wrong = sentinels.filter((one) => issueIn(() => parseNode(one, SENTINEL_PORT)));
  if (wrong.length > 0) {
    const want = 'must be hosts and ports, such as one.example.com:26379,two.example.com';
    say('REDIS_SENTINELS', want + andNot(wrong));
  }
  if (isCluster && hasSentinels) say('REDIS_CLUSTER', 'cannot go together with REDIS_SENTINELS');
  if (isCluster && !/\{[^}]+\}/.test(variables.QUEUE_PREFIX)) {
    say('QUEUE_PREFIX', 'must hold braces, such as {atlas}: they keep all keys in one slot');
  }
  const files = filesOf(variables);
  const withFile = FILE_VARIABLES.find((variable) => variables[variable] !== null);
  const urlIssue = issueIn(() => {
    const { tls } = readUrls(url, isCluster);
    if (withFile && tls === false) throw new TypeError(`must be rediss:// for ${withFile}`);
  });
  if (urlIssue) say('REDIS_URL', urlIssue);
  for (const { of, issue } of tlsFileIssues(files)) say(variableOf(of), issue);
  return issues;
}

const FILE_VARIABLES = ['REDIS_TLS_CA_FILE', 'REDIS_TLS_CERT_FILE', 'REDIS_TLS_KEY_FILE'] as const;

function filesOf(variables: RedisVariables) {
  const [ca, cert, key] = FILE_VARIABLES.map((variable) => variables[variable] ?? undefined);
  return { ca, cert, key };
}

function variableOf(of: 'ca' | 'cert' | 'key'): VariableIssue['variable'] {
  return `REDIS_TLS_${of.toUpperCase() as Uppercase<typeof of>}_FILE`;
}

interface ParsedUrl extends RedisCredentials {
  node: RedisNode;
  db: number;
  isTls: boolean;
}

/** The nodes of one URL, or of several with commas in between, and how to log in there. */
function readUrls(text: string, isCluster: boolean) {
  const [first = ''] = text.split(',');
  if (isCluster && !URL.canParse(first) && /,[^@]*@/.test(text)) {
    throw new TypeError(`${WANTED}; write , of a password as %2C`);
  }
  const urls: ParsedUrl[] = [];
  for (const part of text === '' ? [] : isCluster ? text.split(',') : [text]) {
    // After the first, host and port will do.
    const isBare = urls[0] !== undefined && !part.includes('://');
    const scheme = isBare ? `redis${urls[0]?.isTls ? 's' : ''}://` : '';
    urls.push(parseRedisUrl(scheme + part.trim()));
  }
  if (isCluster && urls.some(({ db }) => db !== 0)) {
    throw new TypeError('must name no database: a Cluster has only one');
  }
  if (urls.some(({ isTls }) => isTls !== urls[0]?.isTls)) {
    throw new TypeError('must be redis:// for all nodes, or rediss:// for all');
  }
  const { username, password } = urls.find((url) => url.password !== undefined) ?? {};
  const nodes = urls.map(({ node }) => node);
  return { nodes, username, password, db: urls[0]?.db ?? 0, tls: urls[0]?.isTls };
}

/**
 * One URL, read strictly: what follows an unescaped `/`, `?`, `#` or `@` of a password would be taken
 * for the host, and shown. @throws TypeError with the end of a sentence, which shows no part of it.
 */
export function parseRedisUrl(text: string): ParsedUrl {
  if (!URL.canParse(text)) throw new TypeError(WANTED + hintFor(text));
  const { protocol, hostname, port, pathname, search, hash, username, password } = new URL(text);
  if (protocol !== 'redis:' && protocol !== 'rediss:') throw new TypeError(WANTED);
  if (hostname.includes(',')) throw new TypeError(WANTED + SEVERAL_HOSTS);
  if (hostname === '') throw new TypeError(WANTED);
  if (search !== '' || hash !== '' || !/^\/?\d{0,5}$/.test(pathname)) {
    throw new TypeError(
      `${WANTED}, with nothing after the host but /<number of a database>${ESCAPES}`,
    );
  }
  return {
    node: { host: unbracketed(hostname), port: portOf(port, REDIS_PORT) },
    db: Number(pathname.slice(1)),
    isTls: protocol === 'rediss:',
    username: decoded(username),
    password: decoded(password),
  };
}

/** What makes a URL that cannot be read, by where its characters are. */
function hintFor(text: string): string {
  const isOne = text.split('://').length === 2;
  if (isOne && /^rediss?:\/\/[^@]*[/?#][^@]*@/.test(text)) return ESCAPES;
  // A comma before the host may belong to a password.
  const hosts = isOne ? text.slice(text.indexOf('@') + 1) : text;
  return hosts.includes(',') ? SEVERAL_HOSTS : '';
}

/** @throws TypeError for 0, which only who listens may name. */
function portOf(text: string, defaultPort: number): number {
  const port = Number(text || defaultPort);
  if (port === 0) throw new TypeError(`must name a port from 1 to ${MAX_PORT}`);
  return port;
}

function decoded(text: string): string | undefined {
  try {
    return text === '' ? undefined : decodeURIComponent(text);
  } catch {
    throw new TypeError('holds a % that begins no escape; write % of a password as %25');
  }
}

/** `host`, `host:port` or `[::1]:port`. @throws TypeError. */
function parseNode(text: string, defaultPort: number): RedisNode {
  if (!/^[\w.:[\]-]+$/.test(text) || !URL.canParse(`redis://${text}`)) throw new TypeError(text);
  const { hostname, port } = new URL(`redis://${text}`);
  return { host: unbracketed(hostname), port: portOf(port, defaultPort) };
}

function unbracketed(hostname: string): string {
  return hostname.replace(/^\[(.*)\]$/, '$1');
}

function issueIn(act: () => unknown): string | undefined {
  try {
    act();
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}
