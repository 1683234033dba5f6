import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { randomPort } from '../../scripts/free-port.js';
import { createServer } from '../server/test-server.js';

const SCRIPT = fileURLToPath(new URL('../../scripts/healthcheck.mjs', import.meta.url));

const check = (env: Record<string, string>) =>
  promisify(execFile)(process.execPath, [SCRIPT], { env });

test('the health check of a container asks the process whether it is live', async () => {
  let down: string[] = [];
  const worker = {
    registry: new Registry(),
    whyNotReady: () => ['Redis refuses writes: OOM'],
    whyNotLive: async () => down,
  };
  const { server } = await createServer({}, { worker });
  const { port } = new URL((await server.listen()).url);
  const nobody = String(randomPort());
  await expect(check({ WORKER_PORT: port, PORT: nobody })).resolves.toBeDefined();
  await expect(check({ PORT: port })).resolves.toBeDefined();
  await expect(check({ PORT: nobody })).rejects.toThrow(/nobody answers on WORKER_PORT or PORT/);
  down = ['nothing reached Redis'];
  await expect(check({ PORT: port, HOST: '0.0.0.0' })).rejects.toThrow(/nothing reached Redis/);
});
