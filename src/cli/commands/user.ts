import { type Command, Option } from 'commander';
import { UsageError } from '../../errors.js';
import { OPERATOR_NAME, ROLES } from '../../server/login/operator.js';
import { createCommand, type ExitCode, type Finish } from '../command.js';
import { readPassword } from '../input/read-password.js';
import { printVerbatim } from '../output/terminal.js';

interface UserOptions {
  name: string;
  role: string;
  password: boolean;
}

export function userCommand(finish: Finish): Command {
  return createCommand(
    'user',
    'make a line of DASHBOARD_USERS_FILE; the password is read from standard input',
    [
      'user --name alice --role operate >> /etc/atlas-batch/users',
      'user --name bob@example.com --role view --no-password',
    ],
  )
    .requiredOption('--name <name>', 'who logs in', toName)
    .addOption(
      new Option('--role <role>', 'whether they may see everything, or change something too')
        .choices(ROLES)
        .makeOptionMandatory(),
    )
    .option('--no-password', 'a person whom the proxy names (OPERATOR_HEADER)')
    .action(async (options: UserOptions) => finish(await printLine(options)));
}

async function printLine({ name, role, password }: UserOptions): Promise<ExitCode> {
  printVerbatim(`${name}:${password ? await hashOfInput() : '-'}:${role}`);
  return 0;
}

/** @throws UsageError for a password that is too short. */
async function hashOfInput(): Promise<string> {
  const [{ secret }, { hashPassword }] = await Promise.all([
    import('../../config/fields.js'),
    import('../../server/login/password-hash.js'),
  ]);
  const { data, error } = secret.safeParse(await readPassword());
  if (data === undefined) throw new UsageError(`the password ${error?.issues[0]?.message}`);
  return hashPassword(data);
}

function toName(text: string): string {
  if (OPERATOR_NAME.test(text)) return text;
  throw new UsageError('the name must be 1 to 64 letters, digits and . _ @ + -');
}
