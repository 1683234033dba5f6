import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';
import { onTestFinished } from 'vitest';

const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** Nothing of the machine's network but what the test opens. */
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Starts a browser with a new, empty profile for the test that is running. */
export async function startBrowser(): Promise<Browser> {
  const executablePath = findChromium() ?? installChromium();
  const browser = await chromium.launch({ executablePath, args: FLAGS, headless: true });
  onTestFinished(() => browser.close());
  return browser;
}

function findChromium(): string | undefined {
  const { CHROMIUM_PATH } = process.env;
  return [...(CHROMIUM_PATH ? [CHROMIUM_PATH] : []), ...PLACES].find((path) => existsSync(path));
}

/** Debian's own, where this is a machine of nobody in particular, such as one of CI. */
function installChromium(): string {
  if (process.getuid?.() === 0 && existsSync('/usr/bin/apt-get')) {
    const options = { stdio: 'ignore', env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } };
    execFileSync('apt-get', ['update'], options as object);
    execFileSync(
      'apt-get',
      ['install', '-y', '--no-install-recommends', 'chromium'],
      options as object,
    );
  }
  const found = findChromium();
  if (found) return found;
  throw new Error('no Chromium here: install one (apt-get install chromium) or set CHROMIUM_PATH');
}
