import type { AtlasBatchClient } from '../client/atlas-batch-client.js';
import { UsageError } from '../errors.js';
import { REFERENCE_PATTERN, REFERENCE_RULE } from '../jobs/ids.js';
import type { ChangeOptions } from './command.js';

/**
 * Runs an action with a client that is configured by the environment, and closes it afterwards.
 * @param options `operator` is who makes the changes.
 */
export async function withClient<T>(
  action: (client: AtlasBatchClient) => Promise<T>,
  { operator }: ChangeOptions = {},
): Promise<T> {
  // Imported here, so that help and errors of usage need not wait for it.
  const { loadConnectionConfig, wantsTraces } = await import('../config/environment.js');
  const config = loadConnectionConfig();
  const { RESULTS_BUCKET, RESULTS_PREFIX } = config;
  const { createClient } = await import('../client/client.js');
  const { proxySettingsOf } = await import('../config/proxy-fields.js');
  const { targetOf } = await import('../redis/connection/target.js');
  const { createTelemetry } = await import('../telemetry.js');
  const client = createClient(targetOf(config), {
    telemetry: await createTelemetry(wantsTraces()),
    prefix: config.QUEUE_PREFIX,
    s3: { forcePathStyle: config.S3_FORCE_PATH_STYLE },
    proxy: proxySettingsOf(config),
    actor: operator,
    ...(RESULTS_BUCKET !== null && { results: { bucket: RESULTS_BUCKET, prefix: RESULTS_PREFIX } }),
  });
  try {
    return await action(client);
  } finally {
    await client.close();
  }
}

/** Reads the argument of a command. @throws UsageError when it cannot be a reference. */
export function toReference(reference: string): string {
  if (!REFERENCE_PATTERN.test(reference)) {
    throw new UsageError(`a reference is ${REFERENCE_RULE}`);
  }
  return reference;
}

/** The same for an argument that may be given several times; each counts once. */
export function toReferences(reference: string, before: readonly string[] = []): string[] {
  return [...new Set([...before, toReference(reference)])];
}
