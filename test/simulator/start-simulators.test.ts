import { expect, it, onTestFinished } from 'vitest';
import { startS3Simulator, startSimulators } from '../../src/simulator/index.js';

it('both simulators start, and their environment says how a worker reaches them', async () => {
  const simulators = await startSimulators({
    atlas: { clientId: 'me' },
    s3: { sessionToken: 'token', region: 'ap-south-1' },
  });
  onTestFinished(() => simulators.stop());
  expect(simulators.environment).toMatchObject({
    ATLAS_BASE_URL: simulators.atlas.url,
    ATLAS_CLIENT_ID: 'me',
    AWS_ENDPOINT_URL_S3: simulators.s3.url,
    AWS_REGION: 'ap-south-1',
    AWS_SESSION_TOKEN: 'token',
    S3_FORCE_PATH_STYLE: 'true',
  });
  expect((await fetch(simulators.atlas.url)).status).toBe(404);
  await simulators.stop();
  await expect(fetch(simulators.atlas.url)).rejects.toThrow();
});

it('neither simulator stays when one cannot start', async () => {
  const taken = await startS3Simulator();
  onTestFinished(() => taken.stop());
  const free = await startS3Simulator();
  await free.stop();
  await expect(
    startSimulators({ atlas: { port: taken.port }, s3: { port: free.port } }),
  ).rejects.toMatchObject({ code: 'EADDRINUSE' });
  const again = await startS3Simulator({ port: free.port });
  await again.stop();
});
