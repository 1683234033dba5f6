/** Where a client finds its Redis. */
import { Cluster } from 'ioredis';
import { expect, it } from 'vitest';
import { targetOfCluster } from '../../src/client/redis-address.js';

it('the nodes of a Cluster may be named in every way that ioredis takes', () => {
  const nodes = ['127.0.0.1:7000', 'redis://127.0.0.1:7001', 7002, { host: '::1', port: 7003 }];
  const cluster = new Cluster(nodes, { lazyConnect: true });
  expect(targetOfCluster(cluster)).toMatchObject({
    kind: 'cluster',
    nodes: [
      { host: '127.0.0.1', port: 7000 },
      { host: '127.0.0.1', port: 7001 },
      { host: '127.0.0.1', port: 7002 },
      { host: '::1', port: 7003 },
    ],
  });
  cluster.disconnect();
});
