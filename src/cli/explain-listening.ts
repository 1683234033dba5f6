import { errorCode, UsageError } from '../errors.js';

/** What a person sets to choose where a process listens: options or variables. */
export interface ListenSettings {
  ports: string;
  host: string;
}

/**
 * Why a process cannot listen, and what to set instead. An error that is not about that comes back as
 * it is.
 */
export function explainListening(error: unknown, { ports, host }: ListenSettings): unknown {
  const { address, hostname, port } = Object(error) as Record<string, unknown>;
  const asked = String(hostname ?? address);
  switch (errorCode(error)) {
    case 'EADDRINUSE':
      return new UsageError(`port ${port} is taken; set ${ports} to a free one`);
    case 'EACCES':
      return new UsageError(
        `port ${port} is not for everybody; set ${ports} to one above 1023, or start as one who may`,
      );
    case 'EADDRNOTAVAIL':
    case 'EAFNOSUPPORT':
    case 'EINVAL':
      return new UsageError(`${asked} is no address of this host; set ${host} to one that is`);
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return new UsageError(
        `${asked} has no address; set ${host} to a name or an address that has`,
      );
    default:
      return error;
  }
}
