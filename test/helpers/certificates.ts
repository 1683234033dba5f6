import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { onTestFinished } from 'vitest';

const openssl = (args: string[]) => promisify(execFile)('openssl', args);
const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

/** A certificate and its private key, as files in PEM. */
export interface CertificateFiles {
  cert: string;
  key: string;
}

export interface TestAuthority {
  /** File of its own certificate. */
  ca: string;
  issue(name: string): Promise<CertificateFiles>;
}

/** An authority that nobody knows. Its files are removed when the test has finished. */
export async function createAuthority(): Promise<TestAuthority> {
  const dir = await mkdtemp(join(tmpdir(), 'atlas-batch-tls-'));
  onTestFinished(() => rm(dir, { recursive: true }));
  const file = (name: string) => join(dir, name);
  const subject = (name: string) => ['-subj', `/CN=${name}`];
  const own = ['-keyout', file('ca.key'), '-out', file('ca.crt')];
  await openssl(['req', '-x509', ...NEW_KEY, ...subject('test authority'), '-days', '2', ...own]);
  // Of the server and of clients alike: both are on this machine.
  await writeFile(file('names'), 'subjectAltName=IP:127.0.0.1,DNS:localhost,DNS:*.example.test');
  return {
    ca: file('ca.crt'),
    async issue(name) {
      const [key, request, cert] = [`${name}.key`, `${name}.csr`, `${name}.crt`].map(file) as [
        string,
        string,
        string,
      ];
      await openssl(['req', ...NEW_KEY, ...subject(name), '-keyout', key, '-out', request]);
      const by = ['-CA', file('ca.crt'), '-CAkey', file('ca.key'), '-CAcreateserial'];
      const as = ['-extfile', file('names'), '-days', '2', '-out', cert];
      await openssl(['x509', '-req', '-in', request, ...by, ...as]);
      return { cert, key };
    },
  };
}
