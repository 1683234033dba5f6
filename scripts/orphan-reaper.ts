/**
 * Ends the child process of a process that died, however it died, and removes its directory.
 *
 * A shell waits at the other end of a pipe. The pipe closes when we end it, exit, crash or are
 * killed with -9; then the shell kills the process that it watches and removes the directory.
 * So no signal or exit handlers are needed.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Socket } from 'node:net';

export interface OrphanReaper {
  /** From now on this process, and no other, is killed at the end; `undefined`: none. */
  watch(pid: number | undefined): void;
  /** Ends the watch now; returns when the directory is removed. May be called twice. */
  finish(): Promise<void>;
}

/** Reads process ids, one a line, and remembers the last; an empty line means none. */
const SCRIPT = `
while read -r line; do pid="$line"; done
if [ -n "$pid" ]; then kill -9 "$pid" 2>/dev/null; fi
rm -rf "$1"`;

export function startOrphanReaper(directory: string): OrphanReaper {
  const shell = spawn('/bin/sh', ['-c', SCRIPT, 'orphanReaper', directory], {
    // Ctrl-C is sent to our whole process group: it must outlive us.
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  const exited = once(shell, 'exit');
  shell.unref();
  if (shell.stdin instanceof Socket) shell.stdin.unref();
  // Writing to a shell that was killed must not end this process: stop() works without it.
  shell.stdin.on('error', () => {});
  return {
    watch(pid) {
      if (!shell.stdin.writableEnded) shell.stdin.write(`${pid ?? ''}\n`);
    },
    async finish() {
      shell.ref();
      shell.stdin.end();
      await exited;
    },
  };
}
