import { Argument, type Command } from 'commander';
import { createCommand } from '../command.js';
import { completionScript, SHELL_NAMES, type Shell } from '../completion.js';
import { printVerbatim } from '../output/terminal.js';

export function completionCommand(): Command {
  return createCommand('completion', 'print a script with which a shell completes commands', [
    // A line of 80 columns has no room for it.
    'completion bash \\\n      > ~/.local/share/bash-completion/completions/atlas-batch',
    'completion zsh > ~/.atlas-batch.zsh',
    'completion fish > ~/.config/fish/completions/atlas-batch.fish',
  ])
    .addArgument(new Argument('<shell>', 'which shell').choices(SHELL_NAMES))
    .action((shell: Shell, _options: object, command: Command) =>
      printVerbatim(completionScript(shell, command.parent?.commands ?? []).trimEnd()),
    );
}
