import { type Command, Option } from 'commander';
import {
  API_ROLES,
  type ApiRole,
  createToken,
  isApiRole,
  TOKEN_NAME_PATTERN,
} from '../../config/api-tokens.js';
import { UsageError } from '../../errors.js';
import { TENANT_PATTERN } from '../../jobs/request/request.js';
import { createCommand } from '../command.js';
import { print, printJson, printVerbatim } from '../output/terminal.js';

interface TokenOptions {
  name: string;
  role: string;
  tenant?: string;
  json?: true;
}

export function tokenCommand(): Command {
  return createCommand(
    'token',
    'make a token of the HTTP API, and its line for the file that API_TOKENS_FILE names',
    ['token --name loans-app --role submit --tenant loans', 'token --name support --role read'],
  )
    .requiredOption('--name <name>', 'who will call, as the log names it')
    .addOption(
      new Option('--role <role>', 'what it may do').choices(API_ROLES).makeOptionMandatory(),
    )
    .option('--tenant <tenant>', 'whose batches it may see; submit must have one')
    .option('--json', 'print JSON')
    .action(printToken);
}

function printToken({ name, role, tenant, json }: TokenOptions): void {
  checkNames(name, role, tenant);
  const made = createToken(name, role as ApiRole, tenant ?? null);
  if (json) printJson(made);
  else {
    print('# The token, which is shown once. It goes to the caller:');
    printVerbatim(made.token);
    print('# Its line, which goes into the file that API_TOKENS_FILE names:');
    printVerbatim(made.line);
  }
}

/** @throws UsageError for names that no line can hold. */
function checkNames(name: string, role: string, tenant: string | undefined): void {
  if (!TOKEN_NAME_PATTERN.test(name)) {
    throw new UsageError('--name must be 1 to 64 of A-Z a-z 0-9 . _ -');
  }
  if (!isApiRole(role)) throw new UsageError(`--role must be one of ${API_ROLES.join(', ')}`);
  if (tenant !== undefined && !TENANT_PATTERN.test(tenant)) {
    throw new UsageError('--tenant must be 1 to 64 of A-Z a-z 0-9 . _ -');
  }
  if (role === 'submit' && tenant === undefined) {
    throw new UsageError('the role submit must have a tenant; say --tenant T');
  }
}
