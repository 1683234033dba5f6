import { userInfo } from 'node:os';
import type { Command } from 'commander';
import { UsageError } from '../../errors.js';
import type { Pause } from '../../gate/pause.js';
import { createCommand, type ExitCode, type Finish } from '../command.js';
import { print, printJson } from '../output/terminal.js';
import { withClient } from '../with-client.js';

interface PauseCommandOptions {
  until?: Date;
  reason?: string;
  json?: true;
}

export function pauseCommand(finish: Finish): Command {
  return createCommand('pause', 'send no upload to Atlas, until a time or until resume', [
    'pause --until 2h --reason "Atlas is down for maintenance"',
    'pause --until 2026-11-24T05:00:00Z',
  ])
    .option(
      '--until <time>',
      'when it ends by itself: a time in ISO 8601, or 30m, 2h, 1d from now',
      toTime,
    )
    .option('--reason <text>', 'told on pages and by status')
    .option('--json', 'print JSON')
    .action(async (options: PauseCommandOptions) => finish(await pause(options)));
}

export function resumeCommand(finish: Finish): Command {
  return createCommand('resume', 'send uploads to Atlas again', ['resume'])
    .option('--json', 'print JSON')
    .action(async (options: { json?: true }) => finish(await resume(options)));
}

async function pause({ until, reason, json }: PauseCommandOptions): Promise<ExitCode> {
  return withClient<ExitCode>(async (client) => {
    const set = await client.pause({ until, reason, by: userInfo().username });
    if (json) printJson(set);
    else print(`no upload goes out ${describeEnd(set)}; polls, results and events go on`);
    return 0;
  });
}

async function resume({ json }: { json?: true }): Promise<ExitCode> {
  return withClient<ExitCode>(async (client) => {
    const wasPaused = await client.resume();
    if (json) printJson({ wasPaused });
    else print(wasPaused ? 'uploads go out again' : 'there was no pause');
    return 0;
  });
}

function describeEnd({ until }: Pause): string {
  return until === null ? 'until atlas-batch resume' : `until ${until}, or atlas-batch resume`;
}

const UNIT_MS: Readonly<Record<string, number>> = {
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** @throws UsageError when it is neither a time nor a duration. */
function toTime(text: string): Date {
  const [, count, unit = ''] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  const time =
    count === undefined ? Date.parse(text) : Date.now() + Number(count) * (UNIT_MS[unit] ?? 0);
  if (Number.isNaN(time)) {
    throw new UsageError('--until is a time such as 2026-11-24T05:00:00Z, or 30m, 2h, 1d from now');
  }
  return new Date(time);
}
