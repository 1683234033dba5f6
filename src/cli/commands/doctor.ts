import type { Command } from 'commander';
import { UsageError } from '../../errors.js';
import { createCommand, type ExitCode, type Finish } from '../command.js';
import type { Finding } from '../doctor/finding.js';
import { paint, print, printJson } from '../output/terminal.js';

export function doctorCommand(finish: Finish): Command {
  return createCommand(
    'doctor',
    'check configuration, Redis, S3, Atlas, the webhook and the clock',
    ['doctor', 'doctor --json'],
  )
    .option('--json', 'print JSON, a line a finding')
    .action(async (options: { json?: true }) => finish(await examine(options)));
}

async function examine({ json }: { json?: true }): Promise<ExitCode> {
  const { findings, code } = await runChecks();
  for (const finding of findings) {
    if (json) printJson(finding);
    else print(describe(finding));
  }
  return code;
}

async function runChecks(): Promise<{ findings: Finding[]; code: ExitCode }> {
  const findings: Finding[] = [{ level: 'ok', subject: 'Node', text: process.versions.node }];
  const { loadWholeConfig } = await import('../../config/environment.js');
  let config: ReturnType<typeof loadWholeConfig>;
  try {
    config = loadWholeConfig();
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    const issues = error.message.split('\n').slice(1);
    for (const issue of issues) {
      findings.push({ level: 'error', subject: 'configuration', text: issue.trim() });
    }
    return { findings, code: 2 };
  }
  findings.push({ level: 'ok', subject: 'configuration', text: 'complete' });

  const { proxiesOf } = await import('../../config/proxy-fields.js');
  const proxies = proxiesOf(config);
  if (proxies) findings.push({ level: 'ok', subject: 'proxy', text: proxies.describe() });
  const { checkConnections } = await import('../doctor/check-connections.js');
  findings.push(...(await checkConnections(config)));
  return { findings, code: findings.some(({ level }) => level === 'error') ? 1 : 0 };
}

const LABELS = {
  ok: { text: 'ok  ', style: 'green' },
  warning: { text: 'warn', style: 'yellow' },
  error: { text: 'FAIL', style: 'red' },
} as const;
const SUBJECT_WIDTH = 'configuration'.length;

function describe({ level, subject, text, fix }: Finding): string {
  const label = LABELS[level];
  const line = `${paint(label.style, label.text)}  ${subject.padEnd(SUBJECT_WIDTH)}  ${text}`;
  return fix === undefined ? line : `${line}; ${fix}`;
}
