/** Behind a proxy that takes a path away, knows its people and names them. */
import { once } from 'node:events';
import { request as ask, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { startBrowser } from './browser.js';
import { complaintsOf } from './pictures.js';
import { startStage } from './stage.js';

const BASE_PATH = '/ops/atlas';

/** @param user Whom it names, after it has taken away what clients say. */
async function startProxy(target: string, user: string): Promise<string> {
  const proxy = createServer((incoming, outgoing) => {
    const { method, url = '' } = incoming;
    if (!url.startsWith(`${BASE_PATH}/`)) return outgoing.writeHead(404).end();
    const headers = { ...incoming.headers, 'x-forwarded-user': user };
    const options = { method, headers: { ...headers, 'x-forwarded-for': '203.0.113.9' } };
    const onward = ask(new URL(url.slice(BASE_PATH.length), target), options, (response) => {
      outgoing.writeHead(response.statusCode ?? 502, response.headers);
      response.pipe(outgoing);
    });
    onward.on('error', () => outgoing.destroy());
    incoming.pipe(onward);
    return undefined;
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  onTestFinished(() => {
    proxy.closeAllConnections();
    proxy.close();
  });
  return `http://127.0.0.1:${(proxy.address() as AddressInfo).port}${BASE_PATH}`;
}

it('below a path of a proxy that names the person everything works, without a password', async () => {
  const stage = await startStage({
    ...{ BASE_PATH, TRUST_PROXY: '127.0.0.1', OPERATOR_HEADER: 'X-Forwarded-User' },
  });
  await stage.submit('loan-1', 'LOAN_APP', ['pan', 'slip-1']);
  const url = await startProxy(stage.url, 'asha@example.com');
  const browser = await startBrowser();
  const context = await browser.newContext();
  const complaints = complaintsOf(context);
  const page = await context.newPage();
  await page.goto(`${url}/`);
  expect(page.url()).toBe(`${url}/dashboard/batches`);
  await page.getByText('asha@example.com').waitFor();
  await page.getByRole('link', { name: 'Workers', exact: true }).click();
  await page.getByText('Ready').waitFor();
  await page.getByRole('link', { name: 'Batches', exact: true }).click();
  await page.getByRole('link', { name: 'loan-1' }).click();
  await page.getByText('1 / 2').first().waitFor();
  await page.getByText('Cancel…').click();
  await page.getByLabel('Why?').fill('sent by mistake');
  await page.getByRole('button', { name: 'Cancel this batch' }).click();
  await page.locator('h1', { hasText: 'Cancelled' }).waitFor();
  // The person and the address are those that the proxy has told.
  await page.getByText('cancel by asha@example.com (dashboard, 203.0.113.9)').waitFor();
  expect(page.url()).toContain(`${url}/dashboard/batches/loan-1`);

  await page.getByRole('link', { name: 'Queues', exact: true }).click();
  await page.getByText('atlas-batches').first().waitFor();
  await page.goto(`${url}/dashboard/queue/atlas-batches?status=failed`);
  const link = page.getByRole('link', { name: 'Batch', exact: true }).first();
  expect(await link.getAttribute('href')).toBe(`${BASE_PATH}/dashboard/batches/loan-1`);
  expect(complaints).toEqual([]);
});
