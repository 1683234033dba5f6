/** CycloneDX bills of materials, which npm makes, and what is read from them. */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';

/** More than any bill: one of 160 packages has 140 KiB. */
const MOST_BYTES = 16 * 1024 * 1024;

const licenceSchema = z.object({
  license: z.object({ id: z.string().optional(), name: z.string().optional() }).optional(),
  expression: z.string().optional(),
});
const componentSchema = z.object({
  name: z.string(),
  version: z.string(),
  licenses: z.array(licenceSchema).default([]),
});
const billSchema = z.looseObject({
  bomFormat: z.literal('CycloneDX'),
  metadata: z.looseObject({ component: z.looseObject({ name: z.string(), version: z.string() }) }),
  components: z.array(z.looseObject(componentSchema.shape)),
});

/** A package that is shipped. */
export interface ShippedPackage {
  name: string;
  version: string;
  /** As SPDX has them; a package that says nothing has `unknown`. */
  licences: string[];
}

/** Writes the bill of a folder in which no packages for development are installed. */
export function writeBill(folder: string, file: string): void {
  const copy = mkdtempSync(join(tmpdir(), 'atlas-batch-bill-'));
  try {
    // To npm, a package for development that is not there is missing, whatever it is told to omit. And its
    // own list of what it once installed would count for more than what is there.
    const { devDependencies: _, ...manifest } = JSON.parse(
      readFileSync(join(folder, 'package.json'), 'utf8'),
    );
    writeFileSync(join(copy, 'package.json'), JSON.stringify(manifest));
    cpSync(join(folder, 'node_modules'), join(copy, 'node_modules'), {
      recursive: true,
      verbatimSymlinks: true,
      filter: (path) => !path.endsWith('/node_modules/.package-lock.json'),
    });
    const made = execFileSync('npm', ['sbom', '--sbom-format', 'cyclonedx'], {
      cwd: copy,
      encoding: 'utf8',
      maxBuffer: MOST_BYTES,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    // The same packages make the same bill: without its number and its time.
    const { serialNumber: _number, metadata, ...bill } = billSchema.parse(JSON.parse(made));
    const { timestamp: _time, component, ...others } = metadata;
    // npm calls it by its folder.
    const named = { ...others, component: { ...component, name: manifest.name } };
    writeFileSync(file, `${JSON.stringify({ ...bill, metadata: named }, null, 2)}\n`);
  } finally {
    rmSync(copy, { recursive: true });
  }
}

/** The packages of a bill, by name. @throws Error when it is none. */
export function readBill(file: string): ShippedPackage[] {
  const { components } = billSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
  return components.map(packageOf).sort((a, b) => (label(a) < label(b) ? -1 : 1));
}

export const label = ({ name, version }: ShippedPackage) => `${name}@${version}`;

function packageOf({ name, version, licenses }: z.infer<typeof componentSchema>): ShippedPackage {
  const named = licenses.map(
    ({ license, expression }) => expression ?? license?.id ?? license?.name ?? 'unknown',
  );
  return { name, version, licences: named.length === 0 ? ['unknown'] : named };
}
