/** TLS to Redis: certificates from files or as text, and what its refusals mean. */
import { type ConnectionOptions, createSecureContext } from 'node:tls';
import { errorCode } from '../../errors.js';
import { readRegularFile } from '../../regular-file.js';

/** What a new connection uses. */
export type TlsSource = () => ConnectionOptions;

/** Files in PEM. Without one: the authorities of Node, and no certificate of ours. */
export interface TlsFiles {
  ca?: string | undefined;
  cert?: string | undefined;
  key?: string | undefined;
}

/** Reads the files for each connection, so that a renewed certificate is used. */
export function tlsFromFiles(files: TlsFiles): TlsSource {
  let last: ConnectionOptions = {};
  return () => {
    try {
      const read = readFiles(files);
      // A connection that cannot begin is never tried again.
      createSecureContext(read);
      last = read;
    } catch {
      // They were right at the start, and are being replaced: the last ones will do.
    }
    return last;
  };
}

/** What is wrong with the files, each as the end of a sentence; never what they hold. */
export function tlsFileIssues(files: TlsFiles): { of: keyof TlsFiles; issue: string }[] {
  const issues: { of: keyof TlsFiles; issue: string }[] = [];
  if ((files.cert === undefined) !== (files.key === undefined)) {
    const [of, other] =
      files.cert === undefined ? (['cert', 'key'] as const) : (['key', 'cert'] as const);
    issues.push({ of, issue: `is missing; ${VARIABLES[other]} needs it` });
  }
  for (const of of ['ca', 'cert', 'key'] as const) {
    const file = files[of];
    if (file === undefined) continue;
    const issue = issueOf(() => readRegularFile(file));
    if (issue) issues.push({ of, issue: `cannot be read (${issue})` });
    else if (!isPem(of, file)) issues.push({ of, issue: `holds no ${KINDS[of]} in PEM` });
  }
  if (issues.length > 0) return issues;
  const { ca: _, ...pair } = readFiles(files);
  // Together: a key may belong to another certificate, or want a passphrase.
  const issue = pair.key && issueOf(() => createSecureContext(pair));
  if (issue) issues.push({ of: 'key', issue: `does not go with ${VARIABLES.cert} (${issue})` });
  return issues;
}

const VARIABLES = {
  ca: 'REDIS_TLS_CA_FILE',
  cert: 'REDIS_TLS_CERT_FILE',
  key: 'REDIS_TLS_KEY_FILE',
} as const;
const KINDS = { ca: 'certificate', cert: 'certificate', key: 'private key' } as const;

function isPem(of: keyof TlsFiles, file: string): boolean {
  const text = readRegularFile(file).toString();
  if (of === 'key') return /-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(text);
  return (
    issueOf(() => createSecureContext({ [of]: text })) === undefined && text.includes('-----BEGIN ')
  );
}

function readFiles(files: TlsFiles): ConnectionOptions {
  const texts = Object.entries(files)
    .filter(([, file]) => file !== undefined)
    .map(([of, file]) => [of, readRegularFile(file)]);
  return Object.fromEntries(texts);
}

function issueOf(act: () => unknown): string | undefined {
  try {
    act();
    return undefined;
  } catch (error) {
    return errorCode(error) ?? 'it cannot be parsed';
  }
}

const OUR_CERTIFICATE =
  'it wants a client certificate that it trusts; set REDIS_TLS_CERT_FILE and REDIS_TLS_KEY_FILE';
const ITS_CERTIFICATE =
  'its certificate is of an authority that is unknown here; set REDIS_TLS_CA_FILE to the certificate of that authority';

/** What to do about a TLS handshake that failed, by the code of its error. */
const REMEDIES: readonly (readonly [RegExp, string])[] = [
  [/ALERT_CERTIFICATE_EXPIRED/, 'our certificate has expired; renew REDIS_TLS_CERT_FILE'],
  [
    /ALERT_(CERTIFICATE_REQUIRED|BAD_CERTIFICATE|UNKNOWN_CA|CERTIFICATE_)|HANDSHAKE_FAILURE/,
    OUR_CERTIFICATE,
  ],
  [/SELF_SIGNED_CERT|UNABLE_TO_(VERIFY_LEAF|GET_ISSUER)|CERT_UNTRUSTED/, ITS_CERTIFICATE],
  [/CERT_HAS_EXPIRED|CERT_NOT_YET_VALID/, 'its certificate is not valid now; renew it'],
  [
    /ERR_TLS_CERT_ALTNAME_INVALID/,
    'its certificate is of another host; use the host name that it is made for',
  ],
  [/WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG/, 'it speaks no TLS; use redis:// in REDIS_URL'],
];

/** What to do about a refused TLS handshake; undefined when the error is something else. */
export function tlsRemedy(error: unknown): string | undefined {
  const code = errorCode(error) ?? '';
  return REMEDIES.find(([pattern]) => pattern.test(code))?.[1];
}
