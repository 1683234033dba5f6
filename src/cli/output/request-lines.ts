/** The requests that the stand-ins get, a line each. Pure, but for the time of day. */
import { plural } from '../../plural.js';
import type { RequestRecord, Simulators } from '../../simulator/index.js';
import { printError } from './terminal.js';

const NAME_WIDTH = 'Atlas'.length;
/** The longest name of an endpoint. */
const ENDPOINT_WIDTH = 'multiupload'.length;

/** Prints each request on standard error: standard output is for variables. */
export function printRequests({ atlas, s3 }: Simulators): void {
  atlas.requests.onRequest((record) => printError(describe('Atlas', record)));
  s3.requests.onRequest((record) => printError(describe('S3', record)));
}

function describe(name: string, { endpoint, status, bytes }: RequestRecord<string>): string {
  const time = new Date().toISOString().slice('2026-11-29T'.length);
  const answer = status === 0 ? 'no response' : `${status}, ${plural(bytes, 'byte')}`;
  return `${time}  ${name.padEnd(NAME_WIDTH)}  ${endpoint.padEnd(ENDPOINT_WIDTH)}  ${answer}`;
}
