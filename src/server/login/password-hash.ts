/**
 * Hashes of passwords, by scrypt, in the form `$scrypt$ln=15,r=8,p=1$<salt>$<hash>`. It has no colon, so
 * that it can stand in a line of the users file.
 */
import { randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto';

/** 32 MiB and some 80 ms for each guess: as OWASP advises it for one that is checked rarely. */
const COST_LOG2 = 15;
const BLOCK_SIZE = 8;
const PARALLELISM = 1;
const SALT_BYTES = 16;
const HASH_BYTES = 32;
/** A line with more than that would hold a login for seconds. */
const MAX_COST_LOG2 = 18;
const MAX_BLOCK_SIZE = 16;
const MAX_PARALLELISM = 4;

const FORM =
  /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d)\$([A-Za-z0-9+/]{16,88})\$([A-Za-z0-9+/]{32,88})$/;

export interface PasswordHash {
  costLog2: number;
  blockSize: number;
  parallelism: number;
  salt: Buffer;
  hash: Buffer;
}

/** Undefined for what is no such text, or asks for too much work. */
export function parsePasswordHash(text: string): PasswordHash | undefined {
  const [, ln, r, p, salt = '', hash = ''] = FORM.exec(text) ?? [];
  const costLog2 = Number(ln);
  const blockSize = Number(r);
  const parallelism = Number(p);
  const isBounded =
    costLog2 >= 10 &&
    costLog2 <= MAX_COST_LOG2 &&
    blockSize >= 1 &&
    blockSize <= MAX_BLOCK_SIZE &&
    parallelism >= 1 &&
    parallelism <= MAX_PARALLELISM;
  if (!isBounded) return undefined;
  return {
    costLog2,
    blockSize,
    parallelism,
    salt: Buffer.from(salt, 'base64'),
    hash: Buffer.from(hash, 'base64'),
  };
}

export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(SALT_BYTES);
  const made = { costLog2: COST_LOG2, blockSize: BLOCK_SIZE, parallelism: PARALLELISM, salt };
  const hash = await derive(password, made, HASH_BYTES);
  const text = (bytes: Buffer) => bytes.toString('base64').replace(/=+$/, '');
  return `$scrypt$ln=${COST_LOG2},r=${BLOCK_SIZE},p=${PARALLELISM}$${text(salt)}$${text(hash)}`;
}

export async function isPassword(password: string, known: PasswordHash): Promise<boolean> {
  return timingSafeEqual(await derive(password, known, known.hash.length), known.hash);
}

/** What a name that nobody has is checked against: it takes as long as one that somebody has. */
export const NOBODY: PasswordHash = {
  costLog2: COST_LOG2,
  blockSize: BLOCK_SIZE,
  parallelism: PARALLELISM,
  salt: randomBytes(SALT_BYTES),
  hash: randomBytes(HASH_BYTES),
};

function derive(
  password: string,
  { costLog2, blockSize, parallelism, salt }: Omit<PasswordHash, 'hash'>,
  length: number,
): Promise<Buffer> {
  const N = 2 ** costLog2;
  const options: ScryptOptions = {
    N,
    r: blockSize,
    p: parallelism,
    // Node's limit is just below what these need.
    maxmem: 256 * N * blockSize,
  };
  return new Promise((resolve, reject) => {
    scrypt(password.normalize('NFC'), salt, length, options, (error, hash) =>
      error ? reject(error) : resolve(hash),
    );
  });
}
