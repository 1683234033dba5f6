import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test, vi } from 'vitest';
import { startPrivateRedis } from '../../scripts/private-redis.js';
import { waitUntil } from '../helpers/wait-until.js';

vi.setConfig({ testTimeout: 60_000 });

const BUSY_CLIENT = fileURLToPath(new URL('busy-client.process.ts', import.meta.url));

test.each(['is there', 'has gone', 'was never there'])(
  'a client whose Redis %s closes, and its process ends by itself',
  async (state) => {
    const server = await startPrivateRedis();
    onTestFinished(() => server.stop());
    if (state === 'was never there') await server.kill();
    const child = spawn(process.execPath, ['--import', 'tsx', BUSY_CLIENT, server.url, '{t}'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    onTestFinished(() => void child.kill('SIGKILL'));
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text) => {
      output += text;
    });
    await waitUntil('a client that is busy', () => output.includes('busy'));
    if (state === 'has gone') await server.kill();
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).toEqual([0, null]);
    expect(output).toBe('busy\nclosed\n');
  },
);
