/** A folder of secrets as a kubelet lays it: files are links, and a new version replaces all at once. */
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface SecretsFolder {
  readonly path: string;
  /** Lays a new version with these values, besides those of the version before. */
  update(values: Readonly<Record<string, string>>): void;
  remove(): void;
}

/** `..data` leads to the version that counts, and each file leads there. */
const CURRENT = '..data';

/** @param values by the names of the files. */
export function createSecretsFolder(values: Readonly<Record<string, string>>): SecretsFolder {
  const path = mkdtempSync(join(tmpdir(), 'atlas-batch-secrets-'));
  chmodSync(path, 0o755);
  let current: Readonly<Record<string, string>> = {};
  let version = 0;
  const update = (next: Readonly<Record<string, string>>) => {
    version += 1;
    const folder = `..version-${version}`;
    mkdirSync(join(path, folder));
    const all = { ...current, ...next };
    for (const [name, value] of Object.entries(all)) writeFileSync(join(path, folder, name), value);
    symlinkSync(folder, join(path, '..data_tmp'));
    renameSync(join(path, '..data_tmp'), join(path, CURRENT));
    for (const name of Object.keys(all)) {
      if (!(name in current)) symlinkSync(join(CURRENT, name), join(path, name));
    }
    if (version > 1) rmSync(join(path, `..version-${version - 1}`), { recursive: true });
    current = all;
  };
  update(values);
  return { path, update, remove: () => rmSync(path, { recursive: true }) };
}
