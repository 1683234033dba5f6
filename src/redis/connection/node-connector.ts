/** Opens the socket of a connection: to one server, or to the node of a Cluster that holds a slot. */
import { createConnection, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import { AbstractConnector, Redis, type RedisOptions } from 'ioredis';
import { mostHopeful } from '../reply-error.js';
import type { ClusterTarget, RedisNode, SingleTarget } from './target.js';

/** Between two rounds through all nodes of a Cluster of which none knows a master. */
const ROUND_EVERY_MS = 500;
/** A node that takes longer to list the slots hangs; the next one is asked. */
const SLOTS_TIMEOUT_MS = 3000;

/**
 * All keys are in one slot, so one plain connection to its master serves a Cluster too, and `TIME`
 * and `INFO` come from that node. When the slot has moved the connection is made anew.
 */
export function nodeConnector(
  target: SingleTarget | ClusterTarget,
  slot: number,
): NonNullable<RedisOptions['Connector']> {
  /** Those that were named, then those that the Cluster told us of. */
  const known = target.kind === 'cluster' ? [...target.nodes] : [];

  return class NodeConnector extends AbstractConnector {
    private readonly options: RedisOptions;

    constructor(options: unknown) {
      super((options as RedisOptions).disconnectTimeout ?? 0);
      this.options = options as RedisOptions;
    }

    /** `role` of INFO: a replica of a Cluster serves nothing. */
    override check({ role }: { role?: string }): boolean {
      return target.kind === 'single' || role === undefined || role === 'master';
    }

    async connect(emit: (type: string, error: Error) => void): Promise<Socket> {
      this.connecting = true;
      const node = target.kind === 'single' ? target.node : await this.findMaster(target, emit);
      if (!this.connecting) throw new Error('Connection is closed.');
      // For messages and traces.
      Object.assign(this.options, node);
      const tls = target.tls?.();
      const stream = tls
        ? connectTls({ ...serverName(node), ...tls, ...node })
        : createConnection(node);
      stream.once('error', (error) => {
        this.firstError = error;
      });
      // A socket that failed may fail again while it is closed, when ioredis does not listen any more.
      stream.on('error', () => {});
      this.stream = stream;
      return stream;
    }

    private async findMaster(
      cluster: ClusterTarget,
      emit: (type: string, error: Error) => void,
    ): Promise<RedisNode> {
      while (this.connecting) {
        const failures: Error[] = [];
        for (const node of [...known]) {
          // The one that is asked goes to the end: the next attempt begins with another.
          known.push(...known.splice(0, 1));
          try {
            const { master, others } = await this.askSlots(node);
            for (const other of others) if (!known.some(isSame(other))) known.push(other);
            if (master) return cluster.natMap?.(master) ?? master;
            failures.push(new Error(`no node of the Cluster holds slot ${slot}`));
          } catch (error) {
            failures.push(error as Error);
          }
          if (!this.connecting) break;
        }
        const failure = mostHopeful(failures);
        if (failure) emit('error', failure);
        await delay(ROUND_EVERY_MS);
      }
      throw new Error('Connection is closed.');
    }

    /** Which node is the master of the slot, by the word of one node. */
    private async askSlots(node: RedisNode) {
      const redis = new Redis({
        ...node,
        ...target.credentials(),
        ...(target.tls && { tls: { ...target.tls() } }),
        lazyConnect: true,
        retryStrategy: null,
        enableReadyCheck: false,
        maxRetriesPerRequest: 0,
        disableClientInfo: true,
        connectTimeout: SLOTS_TIMEOUT_MS,
        commandTimeout: SLOTS_TIMEOUT_MS,
      });
      let lastError: Error | undefined;
      redis.on('error', (error) => {
        lastError = error;
      });
      try {
        const ranges = await redis.cluster('SLOTS');
        // A node that does not know its own name or address leaves it out.
        const nodeOf = ([host, port]: [string, number, ...unknown[]]) => ({
          host: host || node.host,
          port,
        });
        const range = ranges.find(([from, to]) => from <= slot && slot <= to);
        const [, , master] = range ?? [];
        return {
          master: master && nodeOf(master),
          others: ranges.flatMap(([, , ...nodes]) => nodes.map(nodeOf)),
        };
      } catch (error) {
        throw lastError ?? error;
      } finally {
        redis.disconnect();
      }
    }
  };
}

/** Names go into the TLS handshake, addresses may not. */
function serverName({ host }: RedisNode): { servername?: string } {
  return /^[\d.]+$|:/.test(host) ? {} : { servername: host };
}

function isSame({ host, port }: RedisNode) {
  return (node: RedisNode) => node.host === host && node.port === port;
}
