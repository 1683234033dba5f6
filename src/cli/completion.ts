/** Scripts with which shells complete the commands and their options. Pure. */
import type { Command, Option } from 'commander';

const SHELLS = { bash: forBash, zsh: forZsh, fish: forFish };
export type Shell = keyof typeof SHELLS;
export const SHELL_NAMES = Object.keys(SHELLS) as Shell[];

/** @returns the script, which the shell reads at its start. */
export function completionScript(shell: Shell, commands: readonly Command[]): string {
  return SHELLS[shell](commands);
}

function forBash(commands: readonly Command[]): string {
  const cases = commands.map((command) => {
    const flags = optionsOf(command).flatMap(({ short, long }) => [short, long].filter(Boolean));
    const choices = choicesOf(command).join(' ');
    return `    ${command.name()}) words='${flags.join(' ')}' choices='${choices}' ;;`;
  });
  return `_atlas_batch() {
  local current="\${COMP_WORDS[COMP_CWORD]}" words choices
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W '${commands.map((command) => command.name()).join(' ')}' -- "$current"))
    return
  fi
  case "\${COMP_WORDS[1]}" in
${cases.join('\n')}
  esac
  case "$current" in
    -*) COMPREPLY=($(compgen -W "$words" -- "$current")) ;;
    *) COMPREPLY=($(compgen -W "$choices" -- "$current") $(compgen -f -- "$current")) ;;
  esac
}
complete -o filenames -F _atlas_batch atlas-batch
`;
}

function forZsh(commands: readonly Command[]): string {
  const inZsh = (text: string) => text.replace(/['[\]:\\]/g, ' ');
  const names = commands.map((command) => `'${command.name()}:${inZsh(command.description())}'`);
  const cases = commands.map((command) => {
    const specs = optionsOf(command).flatMap(({ short, long, description, takesValue }) =>
      [short, long]
        .filter((flag) => flag !== undefined)
        .map((flag) => `'*${flag}[${inZsh(description)}]${takesValue ? ':value:_files' : ''}'`),
    );
    const choices = choicesOf(command);
    const first = choices.length > 0 ? [`'1:what:(${choices.join(' ')})'`] : [];
    return `    ${command.name()}) _arguments ${[...first, ...specs].join(' ')} ;;`;
  });
  return `#compdef atlas-batch
_atlas_batch() {
  local -a commands=(${names.join(' ')})
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  case "$words[2]" in
${cases.join('\n')}
  esac
}
compdef _atlas_batch atlas-batch
`;
}

function forFish(commands: readonly Command[]): string {
  const inFish = (text: string) => `'${text.replace(/['\\]/g, '\\$&')}'`;
  const lines = commands.flatMap((command) => {
    const name = command.name();
    const first = `complete -c atlas-batch -f -n __fish_use_subcommand -a ${name} -d ${inFish(command.description())}`;
    const options = optionsOf(command).map(({ short, long, description, takesValue }) =>
      [
        `complete -c atlas-batch -n '__fish_seen_subcommand_from ${name}'`,
        short && `-s ${short.slice(1)}`,
        `-l ${long.slice(2)}`,
        takesValue && '-r',
        `-d ${inFish(description)}`,
      ]
        .filter(Boolean)
        .join(' '),
    );
    const choices = choicesOf(command).map(
      (choice) => `complete -c atlas-batch -n '__fish_seen_subcommand_from ${name}' -a ${choice}`,
    );
    return [first, ...choices, ...options];
  });
  return `${lines.join('\n')}\n`;
}

interface Flag {
  short: string | undefined;
  long: string;
  description: string;
  takesValue: boolean;
}

/** What the first word after the command may be, where there are few. */
function choicesOf(command: Command): readonly string[] {
  return command.registeredArguments[0]?.argChoices ?? [];
}

function optionsOf(command: Command): Flag[] {
  const help = { short: '-h', long: '--help', description: 'show help', takesValue: false };
  return [...command.options.map(flagOf), help];
}

function flagOf({ short, long, description, required }: Option): Flag {
  return { short, long: long ?? '', description, takesValue: required };
}
