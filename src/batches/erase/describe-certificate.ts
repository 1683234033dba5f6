/** A certificate for people, wherever it is shown: a name and a text each. It names nobody. */
import { plural } from '../../plural.js';
import type { ErasureCertificate } from './erase-batch.js';

export function describeCertificate(certificate: ErasureCertificate): [string, string][] {
  const { erasedAt, addedAt, digest, removed } = certificate;
  const counts = [
    `${plural(removed.objectVersions, 'version')} of results`,
    plural(removed.jobs, 'job'),
    plural(removed.keys, 'key'),
    plural(removed.entries, 'stream entry', 'stream entries'),
  ];
  return [
    ['erased at', erasedAt],
    ['added at', addedAt ?? 'not known any more'],
    ['SHA-256', digest],
    ['removed', counts.join(', ')],
  ];
}
