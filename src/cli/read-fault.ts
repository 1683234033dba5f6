/** A fault of the simulator as it is written in a shell. */
import { InvalidArgumentError } from 'commander';

export interface ShellFault {
  fault: string | number;
  endpoint?: string;
}

/**
 * Adds one to those before it: `503`, `multiupload:503`, or a whole rule as JSON. The simulator says
 * which are not known.
 */
export function readFault(text: string, before: ShellFault[] = []): ShellFault[] {
  if (text.startsWith('{')) return [...before, parseRule(text)];
  const [, endpoint, name = text] = /^([a-z-]+):(.+)$/.exec(text) ?? [];
  const fault = /^\d+$/.test(name) ? Number(name) : name;
  return [...before, { fault, ...(endpoint !== undefined && { endpoint }) }];
}

function parseRule(text: string): ShellFault {
  try {
    return JSON.parse(text);
  } catch {
    throw new InvalidArgumentError('A rule is JSON, such as {"fault":503,"times":3}.');
  }
}
