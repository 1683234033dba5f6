/** Output of the commands: plain text when piped, with colours on a terminal. */
import { styleText } from 'node:util';
import { foldLines } from './fold.js';

type Style = Parameters<typeof styleText>[0];

/** Prints text for people. On a terminal, lines that are too long for it are broken between words. */
export function print(text: string): void {
  process.stdout.write(`${foldLines(text, columnsOf(process.stdout))}\n`);
}

export function printError(text: string): void {
  process.stderr.write(`${foldLines(text, columnsOf(process.stderr))}\n`);
}

/** Prints what is copied or read by a program, and so must keep its lines. */
export function printVerbatim(text: string): void {
  process.stdout.write(`${text}\n`);
}

export function printJson(value: unknown): void {
  printVerbatim(JSON.stringify(value));
}

/** Whether a person reads standard output. */
export function isTerminal(): boolean {
  return process.stdout.isTTY === true;
}

/** Infinite when piped, and for terminals that report a size of 0. */
export function columnsOf({ isTTY, columns }: NodeJS.WriteStream): number {
  return isTTY && columns > 0 ? columns : Number.POSITIVE_INFINITY;
}

/** Colours a text if the terminal has colours and `NO_COLOR` is not set. */
export function paint(style: Style, text: string): string {
  return isTerminal() && process.stdout.hasColors() ? styleText(style, text) : text;
}
