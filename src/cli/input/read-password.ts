/** Passwords come from standard input and never from arguments, which every user of a machine can see. */
import { text } from 'node:stream/consumers';
import { UsageError } from '../../errors.js';
import { printError } from '../output/terminal.js';

const ENTER = /[\r\n]/;
/** Backspace, as terminals send it. */
const ERASE = ['\b', '\u007f'];
/** Ctrl-C and Ctrl-D. */
const END = ['\u0003', '\u0004'];

/** One line of standard input; on a terminal it is asked for and not shown. @throws UsageError. */
export async function readPassword(): Promise<string> {
  if (process.stdin.isTTY) return readHidden();
  return (await text(process.stdin)).replace(/\r?\n$/, '');
}

async function readHidden(): Promise<string> {
  const { stdin } = process;
  process.stderr.write('Password: ');
  stdin.setRawMode(true);
  stdin.setEncoding('utf8');
  let password = '';
  try {
    for await (const chunk of stdin) {
      for (const character of String(chunk)) {
        if (ENTER.test(character)) return password;
        if (END.includes(character)) throw new UsageError('no password was typed');
        password = ERASE.includes(character) ? password.slice(0, -1) : password + character;
      }
    }
    return password;
  } finally {
    stdin.setRawMode(false);
    printError('');
  }
}
