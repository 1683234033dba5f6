import { printError, printJson } from './terminal.js';

/** Says that a batch is not known, in the same way for every command. */
export function reportUnknown(reference: string, { json }: { json?: true | undefined }): void {
  if (json) printJson({ status: 'unknown', reference });
  else printError(`no batch ${reference} is known here`);
}
