import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { Role } from '../../../src/server/login/operator.js';
import { hashPassword } from '../../../src/server/login/password-hash.js';

/** All users have it. */
export const PASSWORD = 'correct horse battery';

/** @returns The path of a file of users, which is gone after the test. */
export async function writeUsers(roles: Record<string, Role>): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'atlas-batch-users-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const hash = await hashPassword(PASSWORD);
  const path = join(folder, 'users');
  writeFileSync(
    path,
    Object.entries(roles)
      .map(([name, role]) => `${name}:${hash}:${role}\n`)
      .join(''),
  );
  return path;
}
