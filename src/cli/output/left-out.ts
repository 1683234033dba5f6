import { escapeControls } from '../../jobs/request/validation-issues.js';
import { plural } from '../../plural.js';
import { printError } from './terminal.js';

/** More of what is left out are counted only. */
const SHOWN = 10;

/** Says what is no document, on standard error: standard output is for what is. */
export function reportLeftOut(files: readonly { key: string; why: string }[]): void {
  if (files.length === 0) return;
  const some = files.slice(0, SHOWN).map(({ key, why }) => `${key} (${why})`);
  const more = files.length > SHOWN ? ' …' : '';
  printError(
    `left out, since they are no documents: ${plural(files.length, 'object')}: ${escapeControls(some.join(', '))}${more}`,
  );
}
