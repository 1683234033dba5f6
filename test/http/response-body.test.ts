import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { startHttp } from '../atlas/test-server.js';
import { GET, http } from './test-client.js';

/** Has room for everything. */
const COUNTING = { hold: () => {} };

it.each([
  { mib: 1, memory: undefined },
  { mib: 32, memory: COUNTING },
])(
  'a response of more than $mib MiB is too large, and no more of it is read',
  async ({ mib, memory }) => {
    const chunk = Buffer.alloc(1024 * 1024, 'x');
    let sent = 0;
    const base = await startHttp((request, response) => {
      response.writeHead(200);
      const more = () => {
        while (!request.socket.destroyed && response.write(chunk)) sent += 1;
      };
      response.on('drain', more);
      more();
    });
    expect(await http(base).request(GET, undefined, memory)).toEqual({
      kind: 'failed',
      failure: 'too-large',
      code: 'BODY_TOO_LARGE',
    });
    expect(sent).toBeLessThan(mib + 70);
  },
);

it('no more of a response is read for which there is no room', async () => {
  const part = Buffer.alloc(1024 * 1024, 'x');
  let closed = () => {};
  const cut = new Promise<void>((resolve) => {
    closed = resolve;
  });
  const base = await startHttp((_request, response) => {
    response.on('close', closed);
    response.writeHead(200);
    response.write(part);
  });
  const held: number[] = [];
  const hold = (bytes: number) => {
    held.push(bytes);
    if (bytes > part.length / 2) throw new Error('no room');
  };
  await expect(http(base).request(GET, undefined, { hold })).rejects.toThrow('no room');
  await cut;
  expect(held[0]).toBe(0);
  expect(held.at(-1)).toBeLessThanOrEqual(part.length);
});

it.each([
  ['letters of ASCII', 'x'.repeat(1000), 1000],
  ['letters of Hindi', 'न'.repeat(1000), 2000],
  ['compressed letters', 'x'.repeat(1000), 1000],
])('a response of %s counts as what its text takes in memory', async (what, text, bytes) => {
  const gzip = what.startsWith('compressed');
  const base = await startHttp((_request, response) => {
    response.writeHead(200, gzip ? { 'content-encoding': 'gzip' } : {});
    response.end(gzip ? gzipSync(text) : text);
  });
  const held: number[] = [];
  const memory = { hold: (now: number) => void held.push(now) };
  expect(await http(base).request(GET, undefined, memory)).toMatchObject({ body: text });
  expect(held.at(-1)).toBe(bytes);
});

it('a response of 5 MiB is taken whole', async () => {
  const body = 'é'.repeat(2.5 * 1024 * 1024);
  const base = await startHttp((_request, response) => response.end(body));
  const response = await http(base).request(GET, undefined, COUNTING);
  const digest = (text: string) => createHash('sha256').update(text).digest('hex');
  expect(response.kind === 'response' && digest(response.body)).toBe(digest(body));
});

it('a response that is no UTF-8 is read by a guess, and leaves nothing of it in the next one', async () => {
  // The second ends within a letter: nothing of it may lead the third.
  const bodies = [[0x22, 0xff, 0x22], [0x22, 0xe2, 0x82], Buffer.from('"é"')];
  const base = await startHttp((_request, response) =>
    response.end(Buffer.from(bodies.shift() ?? [])),
  );
  const client = http(base);
  expect(await client.request(GET)).toMatchObject({ body: '"ÿ"', guessed: true });
  expect(await client.request(GET)).toMatchObject({ body: '"â‚', guessed: true });
  expect(await client.request(GET)).toMatchObject({ body: '"é"', guessed: false });
});
