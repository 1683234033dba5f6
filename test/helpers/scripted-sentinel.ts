import type { Socket } from 'node:net';
import { startTcp } from '../atlas/test-server.js';

const CHANNEL = '+switch-master';

export interface ScriptedSentinel {
  readonly port: number;
  /** How many listen for failovers. */
  subscribers(): number;
  /** Tells them of a failover. */
  announce(): void;
}

/**
 * A Sentinel that says what a test wants at the moment that it wants; stopped with the test.
 * @param masterPort Asked for each question; its answer waits for it.
 */
export async function startScriptedSentinel(
  masterPort: () => number | Promise<number>,
): Promise<ScriptedSentinel> {
  const subscribed = new Set<Socket>();
  const answer = async (socket: Socket, [name = '', sub = '']: string[]) => {
    if (name === 'sentinel' && sub === 'get-master-addr-by-name') {
      socket.write(list('127.0.0.1', String(await masterPort())));
    } else if (name === 'sentinel') {
      socket.write(list());
    } else if (name === 'subscribe') {
      subscribed.add(socket);
      socket.once('close', () => subscribed.delete(socket));
      socket.write(`>3\r\n${bulk(name)}${bulk(CHANNEL)}:1\r\n`);
    } else socket.write('+OK\r\n');
  };
  const port = await startTcp((socket) => {
    let text = '';
    socket.setEncoding('utf8').on('data', async (more) => {
      text += more;
      const commands: string[][] = [];
      for (let parsed = parse(text); parsed; parsed = parse(text)) {
        commands.push(parsed.words);
        text = text.slice(parsed.length);
      }
      for (const words of commands) await answer(socket, words);
    });
  });
  return {
    port,
    subscribers: () => subscribed.size,
    announce() {
      const words = ['message', CHANNEL, 'a new master'];
      // As pushes of RESP3.
      for (const socket of subscribed) socket.write(list(...words).replace('*', '>'));
    },
  };
}

/** The first command of what has come, when it is all there. */
function parse(text: string): { words: string[]; length: number } | null {
  const lines = text.split('\r\n');
  const count = Number(/^\*(\d+)$/.exec(lines[0] ?? '')?.[1]);
  if (!(lines.length > 2 * count + 1)) return null;
  const words = Array.from({ length: count }, (_, i) => lines[2 * i + 2] ?? '');
  const length = lines.slice(0, 2 * count + 1).join('\r\n').length + 2;
  return { words: words.map((word) => word.toLowerCase()), length };
}

function bulk(text: string): string {
  return `$${text.length}\r\n${text}\r\n`;
}

function list(...words: string[]): string {
  return `*${words.length}\r\n${words.map(bulk).join('')}`;
}
