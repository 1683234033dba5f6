import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { tlsFromFiles } from '../../../src/redis/connection/tls.js';
import { createAuthority } from '../../helpers/certificates.js';

test('certificates that are half replaced are not used, and the last ones are until they go together', async () => {
  const authority = await createAuthority();
  const [used, renewed] = [await authority.issue('used'), await authority.issue('renewed')];
  const source = tlsFromFiles({ ca: authority.ca, ...used });
  const first = source();
  expect(first).toMatchObject({ cert: await readFile(used.cert), key: await readFile(used.key) });
  await copyFile(renewed.cert, used.cert);
  expect(source()).toEqual(first);
  await writeFile(used.key, '-----BEGIN PRIVATE KEY-----\n');
  expect(source()).toEqual(first);
  await copyFile(renewed.key, used.key);
  expect(source()).toMatchObject({
    cert: await readFile(renewed.cert),
    key: await readFile(renewed.key),
  });
});
