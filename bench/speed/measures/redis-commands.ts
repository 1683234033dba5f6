/** Counts the commands that Redis executes meanwhile, as `MONITOR` tells. */
import type { Stage } from '../stage.js';

/** What `MONITOR` names as the sender of a command that a script calls. */
const SCRIPT_SOURCE = 'lua';

export interface Commands {
  /** By clients; a script counts once. */
  sent: number;
  /** All, those within scripts included. */
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
    // A script's commands come behind the call of it, from nobody in between.
    if (source !== SCRIPT_SOURCE) lastSender = source;
    if (lastSender === ownAddress) return;
    commands.executed += 1;
    if (source !== SCRIPT_SOURCE) commands.sent += 1;
  });
  await work();
  monitor.disconnect();
  return commands;
}
