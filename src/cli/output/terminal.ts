/** Output of the commands: plain text when piped, with colours on a terminal. */
import { styleText } from 'node:util';

type Style = Parameters<typeof styleText>[0];

export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

export function printError(text: string): void {
  process.stderr.write(`${text}\n`);
}

export function printJson(value: unknown): void {
  print(JSON.stringify(value));
}

/** Whether a person reads standard output. */
export function isTerminal(): boolean {
  return process.stdout.isTTY === true;
}

/** Colours a text if the terminal has colours and `NO_COLOR` is not set. */
export function paint(style: Style, text: string): string {
  return isTerminal() && process.stdout.hasColors() ? styleText(style, text) : text;
}
