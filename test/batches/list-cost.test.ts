/** What a list asks of Redis. */
import { expect, it, onTestFinished } from 'vitest';
import { startPrivateRedis } from '../../scripts/private-redis.js';
import { listBatches } from '../../src/batches/lists/list-batches.js';
import { plant } from '../helpers/planted-batches.js';
import { openTestQueues } from '../helpers/test-queues.js';
import { waitUntil } from '../helpers/wait-until.js';

it('a batch in a list that is refreshed costs one command for its job and one for its poll', async () => {
  // ioredis takes what it is told of others' commands for a reply when they come before its own.
  const own = await startPrivateRedis();
  onTestFinished(() => own.stop());
  const { queues, redis } = openTestQueues({ url: own.url, prefix: '{list-cost}' });
  const running = Array.from({ length: 20 }, (_, i) => ({
    ...{ reference: `loan-${i}`, state: 'processing' as const, addedAt: Date.now() + i },
  }));
  await plant(queues, running);
  const monitor = await redis.monitor();
  onTestFinished(() => monitor.disconnect());
  const sent: string[] = [];
  monitor.on('monitor', (_time: string, [command = '']: string[], source: string) => {
    // A script counts once.
    if (source !== 'lua') sent.push(command);
  });
  const commandsOf = async (limit: number) => {
    const { batches } = await listBatches(queues, { state: 'running', limit });
    expect(batches).toHaveLength(limit);
    await redis.ping();
    await waitUntil('the commands', () => sent.at(-1) === 'ping');
    return sent.splice(0).length;
  };
  // The requests are read once, and the script of the list is loaded.
  await commandsOf(20);
  const [ten, twenty] = [await commandsOf(10), await commandsOf(20)];
  expect(twenty - ten).toBe(2 * 10);
});
