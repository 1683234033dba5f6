/** Erases a batch for whoever asks by HTTP. */
import { type EraseResult, eraseBatch } from '../batches/erase/erase-batch.js';
import { proxiesOf } from '../config/proxy-fields.js';
import { resultsRoot } from '../storage/results/results-key.js';
import type { ServerContext } from './context.js';

/**
 * @param tenant Of who asks, where it is bound to one.
 * @throws TransientError `STORAGE` when S3 does not let it; it may be asked for again.
 */
export async function eraseFor(
  { queues, config }: Pick<ServerContext, 'queues' | 'config'>,
  reference: string,
  tenant?: string,
): Promise<EraseResult> {
  const { RESULTS_BUCKET: bucket, RESULTS_PREFIX: prefix } = config;
  // Loaded here: a server that erases nothing does not load the AWS SDK.
  const { createResultsEraser } = await import('../storage/results/erase-results.js');
  const eraser = createResultsEraser({
    forcePathStyle: config.S3_FORCE_PATH_STYLE,
    proxies: proxiesOf(config),
  });
  try {
    const root = bucket === null ? undefined : resultsRoot(bucket, prefix);
    return await queues.link.run(() =>
      eraseBatch(queues, reference, { eraser, resultsRoot: root, tenant }),
    );
  } finally {
    eraser.close();
  }
}
