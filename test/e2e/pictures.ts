/** What tests in a browser see: pictures, complaints, what is cut off, and what is hard to use. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import axe from 'axe-core';
import type { BrowserContext, Page } from 'playwright-core';
import { expect } from 'vitest';

/** Pictures are taken always, and kept where this says: `docs/screenshots` for the README's. */
const { SCREENSHOTS_DIR } = process.env;

export async function picture(page: Page, name: string): Promise<void> {
  if (SCREENSHOTS_DIR) await mkdir(SCREENSHOTS_DIR, { recursive: true });
  const path = SCREENSHOTS_DIR && join(SCREENSHOTS_DIR, `${name}.png`);
  await page.evaluate('document.fonts.ready.then(() => undefined)');
  await page.screenshot({ animations: 'disabled', ...(path && { path }) });
}

/** Collects what the browser complains of: blocked scripts, broken pages. */
export function complaintsOf(context: BrowserContext): string[] {
  const complaints: string[] = [];
  context.on('weberror', (error) => complaints.push(String(error.error())));
  context.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  return complaints;
}

/** The first one is 360 at a zoom of 200 %. */
const WIDTHS = [180, 360, 768, 1024, 1440];
const HEIGHT = 900;
const SCHEMES = ['light', 'dark'] as const;
/** WCAG 2.2, levels A and AA. */
const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

/** What is opened is tried in these: a phone, and a wide screen. */
const WIDTHS_OPENED = [360, 1440];

/**
 * Expects that nothing is cut off at any width, and that axe finds no fault in either scheme; then the same of all that
 * is closed. What lies over the page when it is open, as the form of a button, is opened alone, and the rest at once.
 */
export async function expectUsable(page: Page, name: string): Promise<void> {
  const faults = await faultsOf(page, name, WIDTHS);
  const rounds = Number(await page.evaluate(`${OPEN}(null)`));
  for (let round = 0; round < rounds; round += 1) {
    await page.evaluate(`${OPEN}(${round})`);
    faults.push(...(await faultsOf(page, `${name}-opened-${round}`, WIDTHS_OPENED)));
  }
  await page.evaluate(`${OPEN}(${rounds})`);
  expect(faults, name).toEqual([]);
  await page.emulateMedia({ colorScheme: 'light' });
}

/**
 * Expects that axe finds no fault in either scheme, and that nothing reaches out of the page. For pages that are not ours,
 * whose tabs scroll where they must.
 */
export async function expectAccessible(page: Page, name: string): Promise<void> {
  const faults: string[] = [];
  for (const colorScheme of SCHEMES) {
    await page.emulateMedia({ colorScheme });
    for (const width of WIDTHS_OPENED) {
      await page.setViewportSize({ width, height: HEIGHT });
      await picture(page, `${name}-${width}-${colorScheme}`);
      const across = Number(await page.evaluate('document.documentElement.scrollWidth'));
      if (across > width) faults.push(`${name} ${width}: ${across} pixels wide`);
      faults.push(...(await violationsOf(page, `${name} ${width} ${colorScheme}`)));
    }
  }
  expect(faults, name).toEqual([]);
  await page.emulateMedia({ colorScheme: 'light' });
}

async function faultsOf(page: Page, name: string, widths: readonly number[]): Promise<string[]> {
  const faults: string[] = [];
  for (const colorScheme of SCHEMES) {
    await page.emulateMedia({ colorScheme });
    for (const width of widths) {
      await page.setViewportSize({ width, height: HEIGHT });
      await picture(page, `${name}-${width}-${colorScheme}`);
      const cutOff = (await page.evaluate(CUT_OFF)) as string[];
      faults.push(...cutOff.map((one) => `${name} ${width}: ${one}`));
    }
    faults.push(...(await violationsOf(page, `${name} ${colorScheme}`)));
  }
  return faults;
}

async function violationsOf(page: Page, where: string): Promise<string[]> {
  // The page allows no script but its own; this one comes from the debugger.
  await page.evaluate(axe.source);
  const run = `axe.run({ runOnly: ${JSON.stringify(TAGS)} }).then(${DESCRIBE})`;
  const violations = (await page.evaluate(run)) as string[];
  return violations.map((one) => `${where}: ${one}`);
}

/** Opens what belongs to a round, and closes the rest of what was closed before the first. Gives the number of rounds. */
const OPEN = `((round) => {
  if (round === null) window.closedBefore = [...document.querySelectorAll('details:not([open])')];
  const isOver = (one) => one.matches('.action');
  const beside = closedBefore.filter((one) => !isOver(one));
  const rounds = [...closedBefore.filter(isOver).map((one) => [one]), ...(beside.length > 0 ? [beside] : [])];
  for (const one of closedBefore) one.open = rounds[round]?.includes(one) ?? false;
  return rounds.length;
})`;

/** What axe found, each with its first elements. */
const DESCRIBE = `({ violations }) => violations.map(({ id, nodes }) => id + ': ' + nodes.slice(0, 3)
  .map(({ html, any }) => html.slice(0, 120) + ' ' + any.map(({ message }) => message).join()).join(' | '))`;

/** Texts that reach out of the page, or do not fit into their element. */
const CUT_OFF = `(() => {
  const width = document.documentElement.clientWidth;
  const isShown = (one) => one.checkVisibility() && !one.closest('.hidden');
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const cutOff = [];
  while (texts.nextNode()) {
    const text = texts.currentNode;
    const one = text.parentElement;
    if (text.data.trim() === '' || !isShown(one) || one.tagName === 'PROGRESS') continue;
    const range = document.createRange();
    range.selectNodeContents(text);
    const { left, right } = range.getBoundingClientRect();
    let isClipped = false;
    for (let around = one; around !== document.body; around = around.parentElement) {
      if (getComputedStyle(around).overflowX === 'visible') continue;
      const frame = around.getBoundingClientRect();
      isClipped ||= left < frame.left - 1 || right > frame.right + 1;
    }
    if (left < -1 || right > width + 1 || isClipped) cutOff.push(one.tagName + ' ' + one.className + ' ' + text.data.trim().slice(0, 60));
  }
  return cutOff;
})()`;
