/**
 * Everything of a release but its publication: the tarball and what is in it, bills of materials of
 * package and image, licences, known weaknesses, and npm's dry run. What it makes is left in `release/`.
 * Usage: npm run release:check [-- --image FOLDER] [--tag vX.Y.Z]. The folder is made by
 * npm run image:folder; without it that is made first. With a tag, what publishes it is checked too.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { buildImageFolder } from '../image/build-folder.js';
import { runAudit } from './audit.js';
import { label, readBill, type ShippedPackage, writeBill } from './bill-of-materials.js';
import { licenceIssues, licenceReport } from './licences.js';
import { tagIssues } from './tag.js';
import { tarballIssues } from './tarball.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const OUTPUT = join(ROOT, 'release');
const packedSchema = z.tuple([
  z.object({ filename: z.string(), files: z.array(z.object({ path: z.string() })) }),
]);

const { values } = parseArgs({ options: { image: { type: 'string' }, tag: { type: 'string' } } });
process.chdir(ROOT);
rmSync(OUTPUT, { recursive: true, force: true });
mkdirSync(OUTPUT);
const issues: string[] = [];

function check(what: string, found: readonly string[]): void {
  console.log(found.length === 0 ? `ok    ${what}` : `FAIL  ${what}`);
  for (const issue of found) console.log(`      ${issue}`);
  issues.push(...found);
}

function checkTarball(): void {
  const pack = ['pack', '--json', '--ignore-scripts', '--silent', '--pack-destination', OUTPUT];
  const packed = execFileSync('npm', pack, { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
  const [{ filename, files }] = packedSchema.parse(JSON.parse(packed));
  check(`${filename} holds ${files.length} files`, tarballIssues(files.map(({ path }) => path)));
}

function checkBill(whose: string, folder: string): ShippedPackage[] {
  const file = join(OUTPUT, `${whose}.cdx.json`);
  writeBill(folder, file);
  const packages = readBill(file);
  const isForDevelopment = ({ name }: ShippedPackage) => /^(@typescript\/|typescript$)/.test(name);
  const wrong = whose === 'image' ? packages.filter(isForDevelopment).map(label) : [];
  check(
    `bill of materials of the ${whose}, CycloneDX: ${packages.length} packages`,
    wrong.map((name) => `${name} is for development only`),
  );
  return packages;
}

/** What the package brings with it, by the lock file. */
function checkPackage(): ShippedPackage[] {
  return inFolder((folder) => {
    for (const file of ['package.json', 'package-lock.json', '.npmrc'])
      cpSync(file, join(folder, file));
    const quiet = ['--ignore-scripts', '--no-audit', '--no-fund', '--silent'];
    execFileSync('npm', ['ci', '--omit=dev', '--prefer-offline', ...quiet], { cwd: folder });
    return checkBill('package', folder);
  });
}

function checkImage(): ShippedPackage[] {
  if (values.image !== undefined) return checkBill('image', values.image);
  return inFolder((folder) => {
    buildImageFolder(join(folder, 'app'));
    return checkBill('image', join(folder, 'app'));
  });
}

function inFolder<T>(use: (folder: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), 'atlas-batch-release-'));
  try {
    return use(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function checkWeaknesses(): void {
  const result = runAudit();
  if (result.kind === 'audited') check('no known weakness that is not excepted', result.issues);
  // Said and not failed on: a mirror inside a company may have no such list.
  else console.log(`      not audited: ${result.why}`);
}

/** What npm would refuse at the last step, after everything else. */
function checkTag(tag: string): void {
  const [manifest, changelog] = ['package.json', 'CHANGELOG.md'].map((file) =>
    readFileSync(file, 'utf8'),
  ) as [string, string];
  check(
    `the tag ${tag} is the version, and CHANGELOG.md has it`,
    tagIssues(tag, JSON.parse(manifest), changelog),
  );
}

checkTarball();
const shipped = checkPackage();
checkImage();
check('the licences of what is shipped are on the list', licenceIssues(shipped));
writeFileSync(join(OUTPUT, 'licences.txt'), licenceReport(shipped));
checkWeaknesses();
if (values.tag !== undefined) checkTag(values.tag);
execFileSync(
  'npm',
  ['publish', '--dry-run', '--ignore-scripts', '--silent', '--access', 'public'],
  {
    stdio: 'ignore',
  },
);
console.log('ok    npm would publish it');
if (issues.length > 0) process.exitCode = 1;
