import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import { randomPort } from '../../scripts/free-port.js';

/** Another process may take the port between our choice and our bind. */
const PORT_ATTEMPTS = 10;

/** A door between clients and a server that keeps its state while nobody can reach it. */
export interface TcpValve {
  /** `http://127.0.0.1:<port>`; the same port for the whole life. */
  readonly url: string;
  readonly port: number;
  /** Lets connections through to the server. */
  admit(): Promise<void>;
  /** Open connections fall silent for good, as do new ones until {@link admitNew}. */
  silence(): void;
  /** Lets new connections through, and leaves open ones as they are: to another port, if one is named. */
  admitNew(port?: number): void;
  /** Nobody listens: connections are refused, and those that were open are reset. */
  refuse(): Promise<void>;
  /** Accepts connections and resets them. */
  slam(): Promise<void>;
  /** Resets open connections, and accepts new ones without a word. */
  hush(): Promise<void>;
  /** Resets each open connection in place of what the server says next on it: what was asked is done, and nobody is told. */
  swallowReply(): void;
  /** Calls back when the next client ends its connection. */
  onNextLeave(act: () => void): void;
  /** Connections accepted since it was last told how to behave. */
  connections(): number;
}

/** Opens a valve to a port of this machine; it is closed when the test has finished. */
export async function startTcpValve(target: number): Promise<TcpValve> {
  let server: Server | undefined;
  let accepted = 0;
  let goal = target;
  let isSilent = false;
  let onLeave = () => {};
  const pairs = new Set<readonly [Socket, Socket]>();
  const sockets = new Set<Socket>();

  const shut = async () => {
    const closing = server;
    server = undefined;
    accepted = 0;
    for (const socket of sockets) socket.resetAndDestroy();
    if (closing === undefined) return;
    const closed = once(closing, 'close');
    closing.close();
    await closed;
  };
  const listen = async (port: number, onSocket: (socket: Socket) => void) => {
    const listening = createServer((socket) => {
      accepted += 1;
      keep(sockets, socket);
      onSocket(socket);
    });
    listening.listen(port, '127.0.0.1');
    await once(listening, 'listening');
    server = listening;
  };
  const passThrough = (socket: Socket) => {
    // Nobody reads it: what is sent fills the buffers of the system, and nothing comes back.
    if (isSilent) return;
    const onward = connect(goal, '127.0.0.1');
    keep(sockets, onward);
    const pair = [socket, onward] as const;
    pairs.add(pair);
    socket.on('close', () => pairs.delete(pair));
    socket.on('end', () => onLeave());
    socket.on('close', () => onward.destroy());
    onward.on('close', () => socket.destroy());
    socket.pipe(onward).pipe(socket);
  };

  let port = 0;
  for (let attempt = 1; server === undefined; attempt += 1) {
    port = randomPort();
    try {
      await listen(port, passThrough);
    } catch (error) {
      if (attempt === PORT_ATTEMPTS) throw error;
    }
  }
  onTestFinished(shut);
  const reopen = async (onSocket: (socket: Socket) => void) => {
    await shut();
    await listen(port, onSocket);
  };
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    silence() {
      isSilent = true;
      for (const [socket, onward] of pairs) {
        socket.unpipe(onward).pause();
        onward.unpipe(socket).pause();
      }
      pairs.clear();
    },
    swallowReply() {
      for (const [socket, onward] of pairs) {
        onward.unpipe(socket);
        onward.once('data', () => socket.resetAndDestroy()).resume();
      }
    },
    admitNew(newGoal = goal) {
      goal = newGoal;
      isSilent = false;
    },
    admit: () => reopen(passThrough),
    refuse: shut,
    slam: () => reopen((socket) => socket.resetAndDestroy()),
    hush: () => reopen(() => {}),
    onNextLeave(act) {
      onLeave = () => {
        onLeave = () => {};
        act();
      };
    },
    connections: () => accepted,
  };
}

function keep(sockets: Set<Socket>, socket: Socket): void {
  sockets.add(socket);
  socket.on('error', () => {});
  socket.on('close', () => sockets.delete(socket));
}
