/** A fault of the simulator as it is written in a shell. */
import { InvalidArgumentError } from 'commander';
import { isObject, parseJson } from '../../json.js';

export interface ShellFault {
  fault: string | number;
  endpoint?: string;
}

/**
 * Adds one to those before it: `503`, `multiupload:503`, or a whole rule as JSON. The simulator says
 * which are not known.
 */
export function readFault(text: string, before: readonly ShellFault[] = []): ShellFault[] {
  if (/^\s*["[{]/.test(text)) return [...before, parseRule(text)];
  const [, endpoint, name = text] = /^([a-z-]+):(.+)$/.exec(text) ?? [];
  const fault = /^\d+$/.test(name) ? Number(name) : name;
  return [...before, { fault, ...(endpoint !== undefined && { endpoint }) }];
}

function parseRule(text: string): ShellFault {
  const rule = parseJson(text);
  if (isRule(rule)) return rule;
  throw new InvalidArgumentError(
    'A rule is one JSON object that names its fault, such as {"fault":503,"times":3}; give --fault again for another.',
  );
}

function isRule(value: unknown): value is ShellFault {
  return isObject(value) && 'fault' in value;
}
