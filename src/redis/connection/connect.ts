/**
 * The options of every connection that is opened: of worker, client, server and command line, to one
 * server, by Sentinels, or to a Cluster.
 */
import type { EventEmitter } from 'node:events';
import { Command, type RedisOptions, SentinelConnector } from 'ioredis';
import { withoutArguments } from '../../errors.js';
import { isReplyError, mostHopeful } from '../reply-error.js';
import type { ConnectionOptions } from './connection.js';
import { nodeConnector } from './node-connector.js';
import type { RedisTarget, SentinelTarget } from './target.js';

/** Until the socket is open, TLS included. A network that swallows packets is found out by this. */
const CONNECT_TIMEOUT_MS = 5000;
/** A socket that is being closed and does not end is cut off. */
const DISCONNECT_TIMEOUT_MS = 500;
/** A Redis that loads its data is asked again after this long at most. */
const LOADING_RETRY_MS = 1000;
/** A Sentinel that takes longer hangs; the next one is asked. */
const SENTINEL_TIMEOUT_MS = 3000;

/** Between attempts to hear of failovers from a Sentinel that is away; the others tell us meanwhile. */
const SENTINEL_RETRY_MS = 5000;
/** Who tells us where the master is may be late: at the start too, its word gets this much time. */
const SETTLE_MS = 5000;

const TIMEOUTS = {
  connectTimeout: CONNECT_TIMEOUT_MS,
  disconnectTimeout: DISCONNECT_TIMEOUT_MS,
  maxLoadingRetryTime: LOADING_RETRY_MS,
};

/** Options of ioredis that somebody else wrote: the time limits that they leave out are ours. */
export function withTimeouts(options: RedisOptions): ConnectionOptions {
  return { ...TIMEOUTS, ...options };
}

/** @param keyPrefix Of all keys: its braces say which slot of a Cluster they are in. */
export function connectionOptions(target: RedisTarget, keyPrefix: string): ConnectionOptions {
  const common: ConnectionOptions = {
    credentials: target.credentials,
    ...target.credentials(),
    db: target.db,
    ...TIMEOUTS,
    resendForMs: target.kind === 'single' ? 0 : SETTLE_MS,
    queuePrefix: keyPrefix,
    topology: target.kind,
    // What it holds is asked for each connection, by the connector.
    ...(target.tls && { tls: {} }),
  };
  if (target.kind === 'sentinels') return { ...common, ...sentinelOptions(target) };
  const [node] = target.kind === 'single' ? [target.node] : target.nodes;
  return { ...common, ...node, Connector: nodeConnector(target, slotOf(keyPrefix)) };
}

function slotOf(keyPrefix: string): number {
  return new Command('get', [keyPrefix]).getSlot();
}

type Endpoint = { host?: string; port?: number };
type OpenSentinel = (endpoint: Endpoint, ...rest: unknown[]) => EventEmitter;
type AskSentinel = (endpoint: Endpoint) => Promise<unknown>;

function sentinelOptions(target: SentinelTarget): RedisOptions {
  const { sentinels, name, tls } = target;
  return {
    sentinels: [...sentinels],
    name,
    sentinelCommandTimeout: SENTINEL_TIMEOUT_MS,
    // An old master takes writes for seconds after a new one was named, and then forgets them.
    failoverDetector: true,
    sentinelReconnectStrategy: () => SENTINEL_RETRY_MS,
    ...(tls && { enableTLSForSentinelMode: true }),
    Connector: class extends SentinelConnector {
      /** Why each Sentinel that was asked since the last complaint did not lead us to a master. */
      private failures: Error[] = [];

      constructor(options: ConstructorParameters<typeof SentinelConnector>[0]) {
        super(options);
        const open: OpenSentinel = Reflect.get(this, 'connectToSentinel').bind(this);
        const ask: AskSentinel = Reflect.get(this, 'resolve').bind(this);
        // ioredis says of a broken connection only that it is closed.
        let broken: Error | undefined;
        const openSilently: OpenSentinel = (...args) =>
          // Without a listener ioredis writes to standard error when a Sentinel is away.
          open(...args).on('error', (error) => {
            broken = error;
          });
        Reflect.set(this, 'connectToSentinel', openSilently);
        const askAndNote: AskSentinel = async (endpoint) => {
          broken = undefined;
          return ask(endpoint).catch((error) => {
            this.failures.push(broken ?? error);
            throw error;
          });
        };
        Reflect.set(this, 'resolve', askAndNote);
      }

      override async connect(emit: Parameters<SentinelConnector['connect']>[0]) {
        // The one of the connection before would end this one for good when it hears of the failover now.
        Reflect.get(this, 'failoverDetector')?.cleanup();
        if (tls) Object.assign(this.options, { tls: tls(), sentinelTLS: tls() });
        const stream = await super.connect((type, error) =>
          emit(type, type === 'error' ? sentinelError(this.failures.splice(0)) : error),
        );
        this.failures = [];
        // As in NodeConnector: nobody else may listen when it fails twice.
        stream.on('error', () => {});
        return stream;
      }
    },
  } as RedisOptions;
}

/** What to say when no Sentinel led us to a master. */
function sentinelError(failures: readonly Error[]): Error {
  const failure = mostHopeful(failures);
  if (failure === undefined) return new Error('no Sentinel names a master that serves');
  if (!isReplyError(failure)) return failure;
  const message = `a Sentinel says ${withoutArguments(failure.message)}`;
  return Object.assign(new Error(message), { name: failure.name });
}
