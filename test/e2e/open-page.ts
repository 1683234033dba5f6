import type { BrowserContextOptions, Page } from 'playwright-core';
import { startBrowser } from './browser.js';
import { complaintsOf } from './pictures.js';
import { OPERATOR } from './stage.js';

/** A page of somebody who has logged in, and what the browser will complain of. @param more Or other options. */
export async function openPage(
  more: BrowserContextOptions = {},
): Promise<{ page: Page; complaints: string[] }> {
  const browser = await startBrowser();
  const context = await browser.newContext({
    httpCredentials: OPERATOR,
    viewport: { width: 1280, height: 820 },
    ...more,
  });
  const complaints = complaintsOf(context);
  return { page: await context.newPage(), complaints };
}
