/** Both stand-ins at once, and the environment that points a worker at them. */
import { startAtlasSimulator } from './atlas/atlas-server.js';
import type { AtlasSimulator, AtlasSimulatorOptions } from './atlas/atlas-simulator.js';
import { type S3Simulator, type S3SimulatorOptions, startS3Simulator } from './s3/s3-server.js';

export interface SimulatorsOptions {
  atlas?: AtlasSimulatorOptions;
  s3?: S3SimulatorOptions;
}

export interface Simulators {
  atlas: AtlasSimulator;
  s3: S3Simulator;
  /** The variables with which a worker finds and may use both; path style. */
  environment: Record<string, string>;
  /** Both as at the start, on the same ports. */
  reset(): void;
  stop(): Promise<void>;
}

/** Starts both, or neither. */
export async function startSimulators(options: SimulatorsOptions = {}): Promise<Simulators> {
  const sessionToken = options.s3?.sessionToken;
  const s3 = await startS3Simulator(options.s3);
  try {
    const atlas = await startAtlasSimulator(options.atlas);
    return {
      atlas,
      s3,
      environment: {
        ATLAS_BASE_URL: atlas.url,
        ATLAS_CLIENT_ID: atlas.clientId,
        ATLAS_CLIENT_SECRET: atlas.clientSecret,
        AWS_ENDPOINT_URL_S3: s3.url,
        AWS_REGION: s3.region,
        AWS_ACCESS_KEY_ID: s3.accessKeyId,
        AWS_SECRET_ACCESS_KEY: s3.secretAccessKey,
        ...(sessionToken === undefined ? {} : { AWS_SESSION_TOKEN: sessionToken }),
        S3_FORCE_PATH_STYLE: 'true',
      },
      reset() {
        atlas.reset();
        s3.reset();
      },
      async stop() {
        await Promise.all([atlas.stop(), s3.stop()]);
      },
    };
  } catch (error) {
    await s3.stop();
    throw error;
  }
}
