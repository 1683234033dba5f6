/** Notices a server that has fallen silent: it hangs, or the network swallows packets. */
import type { Command, Redis } from 'ioredis';

/** A command without a reply for this long: the server hangs, or the network swallows packets. */
const REPLY_TIMEOUT_MS = 10_000;
/** How often silence is checked. A process that was frozen has a turn to read before it counts. */
const CHECK_EVERY_MS = 1000;

/** Breaks a connection whose oldest command has had no reply for too long. @returns what ends the watch. */
export function breakWhenSilent(redis: Redis): () => void {
  const { stream } = redis;
  let bytesRead = -1;
  let silentMs = 0;
  const timer = setInterval(() => {
    const oldest = redis.commandQueue.peekFront()?.command as Command | undefined;
    const hasSpoken = stream.bytesRead !== bytesRead;
    bytesRead = stream.bytesRead;
    silentMs = oldest === undefined || hasSpoken ? 0 : silentMs + CHECK_EVERY_MS;
    if (oldest === undefined || silentMs < REPLY_TIMEOUT_MS + blockMs(oldest)) return;
    stream.destroy(new Error(`no reply for ${silentMs / 1000} s`));
  }, CHECK_EVERY_MS);
  timer.unref();
  return () => clearInterval(timer);
}

/** How long a command may take by its own word. */
function blockMs({ name, args }: Command): number {
  switch (name.toLowerCase()) {
    case 'bzpopmin':
      return Number(args.at(-1)) * 1000;
    case 'xread': {
      const option = args.findIndex((arg) => String(arg).toUpperCase() === 'BLOCK');
      return option === -1 ? 0 : Number(args[option + 1]);
    }
    case 'wait':
      return Number(args[1]);
    default:
      return 0;
  }
}
