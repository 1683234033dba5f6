/** Counts the commands that Redis executes, by `MONITOR`. */
import type { Stage } from '../stage.js';

/** What `MONITOR` names as the sender of a command that a script calls. */
const SCRIPT_SOURCE = 'lua';

export interface Commands {
  /** Commands of clients. A script counts once. */
  sent: number;
  /** All commands, with those within scripts. */
  executed: number;
}

/** The benchmark's own client is left out; so is what workers do by the clock, for it is little. */
export async function countCommands(stage: Stage, work: () => Promise<void>): Promise<Commands> {
  const own = await stage.redis.client('INFO');
  const ownAddress = /\baddr=(\S+)/.exec(String(own))?.[1];
  const monitor = await stage.redis.monitor();
  const commands = { sent: 0, executed: 0 };
  let lastSender = '';
  monitor.on('monitor', (_time: string, _args: string[], source: string) => {
    // The commands of a script follow its call, with no other command in between.
    if (source !== SCRIPT_SOURCE) lastSender = source;
    if (lastSender === ownAddress) return;
    commands.executed += 1;
    if (source !== SCRIPT_SOURCE) commands.sent += 1;
  });
  await work();
  monitor.disconnect();
  return commands;
}
