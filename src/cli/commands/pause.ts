import type { Command } from 'commander';
import type { PauseOptions } from '../../batches/pause.js';
import { UsageError } from '../../errors.js';
import type { Pause, PlainPause } from '../../gate/pause-record.js';
import { escapeControls } from '../../jobs/request/validation-issues.js';
import {
  type ChangeOptions,
  createChange,
  type ExitCode,
  type Finish,
  toReason,
} from '../command.js';
import { parseDuration, parseTime } from '../duration.js';
import { print, printJson } from '../output/terminal.js';
import { withClient } from '../with-client.js';

type PauseEnd = Pick<PauseOptions, 'until' | 'forMs'>;

interface PauseCommandOptions extends ChangeOptions {
  until?: PauseEnd;
  reason?: string;
  json?: true;
}

interface ResumeCommandOptions extends ChangeOptions {
  json?: true;
}

export function pauseCommand(finish: Finish): Command {
  return createChange('pause', 'send no upload to Atlas, until a time or until resume', [
    'pause --until 2h --reason "Atlas is down for maintenance"',
    'pause --until 2026-11-24T05:00:00Z',
  ])
    .option(
      '--until <time>',
      'when it ends by itself: a time in ISO 8601, or 30m, 2h, 1d from now',
      toEnd,
    )
    .option('--reason <text>', 'why; told on pages, and by status of what waits', toReason)
    .option('--json', 'print JSON')
    .action(async (options: PauseCommandOptions) => finish(await pause(options)));
}

export function resumeCommand(finish: Finish): Command {
  return createChange('resume', 'send uploads to Atlas again', [
    'resume',
    'resume --operator asha --json',
  ])
    .option('--json', 'print JSON')
    .action(async (options: ResumeCommandOptions) => finish(await resume(options)));
}

async function pause(options: PauseCommandOptions): Promise<ExitCode> {
  const { until, reason, json } = options;
  return withClient<ExitCode>(async (client) => {
    const set = await client.pause({ ...until, reason }).catch((error) => {
      // By the clock of Redis it is over, or too far. Everything else was checked before.
      throw error instanceof UsageError ? new UsageError(WHAT_ENDS) : error;
    });
    if (json) printJson(set);
    else {
      print(`no upload goes out ${describeEnd(set)}; polls, results and events go on`);
      if (set.replaced) print(`it replaces another pause: ${describeBefore(set.replaced)}`);
    }
    return 0;
  }, options);
}

async function resume({ json, operator }: ResumeCommandOptions): Promise<ExitCode> {
  return withClient<ExitCode>(
    async (client) => {
      const wasPaused = await client.resume();
      if (json) printJson({ wasPaused });
      else print(wasPaused ? 'uploads go out again' : 'there was no pause');
      return 0;
    },
    { operator },
  );
}

function describeEnd({ until }: Pause): string {
  return until === null ? 'until atlas-batch resume' : `until ${until}, or atlas-batch resume`;
}

/** `sending was paused since … until … by asha: Atlas is down` */
function describeBefore({ since, until, by, reason }: PlainPause): string {
  const end = until === null ? '' : ` until ${until}`;
  const who = by === null ? '' : ` by ${by}`;
  const why = reason === null ? '' : `: ${reason}`;
  return escapeControls(`sending was paused since ${since}${end}${who}${why}`);
}

const WHAT_ENDS =
  '--until is a time in the future and within a year, such as 2026-11-24T05:00:00Z, or 30m, 2h, 1d from now';

/** @throws UsageError when it is neither a time nor a duration. */
function toEnd(text: string): PauseEnd {
  const forMs = parseDuration(text);
  if (forMs !== undefined) return { forMs };
  const until = parseTime(text);
  if (until === undefined) throw new UsageError(WHAT_ENDS);
  return { until };
}
