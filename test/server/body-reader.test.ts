import { PassThrough, Readable } from 'node:stream';
import { expect, it } from 'vitest';
import { BodyReader } from '../../src/server/body-reader.js';

const LIMIT = 100;

it('bodies that are read at once hold no more together than they may', async () => {
  const reader = new BodyReader(10);
  const slow = [new PassThrough(), new PassThrough()];
  const reading = slow.map((body) => reader.read(body, LIMIT));
  for (const body of slow) body.write('12345');
  await new Promise(setImmediate);
  await expect(reader.read(Readable.from([Buffer.from('x')]), LIMIT)).rejects.toMatchObject({
    statusCode: 429,
  });
  for (const body of slow) body.end();
  expect((await Promise.all(reading)).map(String)).toEqual(['12345', '12345']);
  expect(String(await reader.read(Readable.from([Buffer.from('0123456789')]), LIMIT))).toBe(
    '0123456789',
  );
});

it('a body that is too large, or that breaks off, holds nothing afterwards', async () => {
  const reader = new BodyReader(10);
  await expect(reader.read(Readable.from([Buffer.from('12345')]), 4)).rejects.toMatchObject({
    statusCode: 413,
  });
  const broken = new PassThrough();
  const reading = reader.read(broken, LIMIT);
  broken.write('123456789');
  broken.destroy(new Error('cut'));
  await expect(reading).rejects.toThrow('cut');
  expect(String(await reader.read(Readable.from([Buffer.from('0123456789')]), LIMIT))).toHaveLength(
    10,
  );
});
