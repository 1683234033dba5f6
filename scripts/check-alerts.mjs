/**
 * Asks Prometheus's own `promtool` whether the rules of docs/alerts.yml are valid, and whether each
 * fires when it should and stops. Where the machine has none, Debian's is unpacked into the project.
 */
import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { unpackDebianPackages } from './debian-packages.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const DOWNLOADED = join(ROOT, '.prometheus');

const HOW_TO_INSTALL_PROMTOOL =
  'promtool is needed to test the rules of docs/alerts.yml, and could not be brought here.\n' +
  '  Debian, Ubuntu: sudo apt-get install -y --no-install-recommends prometheus\n' +
  '  macOS:          brew install prometheus\n' +
  'Or unpack a release of https://prometheus.io/download/ and put its promtool on the PATH.';

/** @param {string} path */
function isProgram(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function findPromtool() {
  const { PATH = '' } = process.env;
  const places = [...PATH.split(delimiter), join(DOWNLOADED, 'root/usr/bin')];
  return places.map((place) => join(place, 'promtool')).find(isProgram);
}

if (findPromtool() === undefined) {
  console.error('check-alerts: unpacking promtool into .prometheus/ …');
  // It needs nothing but the C library; the other packages are for the pages of the server.
  await unpackDebianPackages(DOWNLOADED, () => ['prometheus']);
}
const promtool = findPromtool();
if (promtool === undefined) {
  console.error(`check-alerts: ${HOW_TO_INSTALL_PROMTOOL}`);
  process.exit(1);
}
for (const args of [
  ['check', 'rules', 'docs/alerts.yml'],
  ['test', 'rules', 'test/server/alerts.promtool.yml'],
]) {
  const { status } = spawnSync(promtool, args, { cwd: ROOT, stdio: 'inherit' });
  if (status !== 0) process.exit(1);
}
