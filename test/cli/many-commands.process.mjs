/**
 * Runs command lines one after another, on the terminal that this process has: to start a process for each would
 * cost more than all of them. COMMAND_LINES is a list of lists of arguments as JSON; each is printed before it is run.
 *
 * Usage: node many-commands.process.mjs PROGRAM, which is `dist/cli/program.js`
 */
import { argv, env, stdout } from 'node:process';

const { runCommandLine } = await import(argv[2] ?? '');
for (const args of JSON.parse(env.COMMAND_LINES ?? '[]')) {
  stdout.write(`\n==> ${args.join(' ')}\n`);
  await runCommandLine(['node', 'atlas-batch', ...args]);
}
