/** The variables of S3 besides AWS's own, for schemas of workers and of the command line. */
import { z } from 'zod';
import type { ObjectStoreOptions } from '../storage/object-store.js';
import { MAX_PREFIX_BYTES } from '../storage/results/results-key.js';
import { bucket, buckets, integer, optional, withoutIssue, yesOrNo } from './fields.js';
import { proxiesOf, type proxyFields } from './proxy-fields.js';

/** A pre-signed URL lives a week at most. */
const WEEK_SECONDS = 604_800;

export const s3Fields = {
  RESULTS_BUCKET: bucket,
  RESULTS_PREFIX: withoutIssue(z.string(), prefixIssue).default(''),
  RESULTS_SSE: optional(z.enum(['AES256', 'aws:kms'], { error: 'must be AES256 or aws:kms' })),
  RESULTS_KMS_KEY_ID: optional(
    z.string().regex(/^[\x21-\x7e]+$/, { error: 'must be an id, an alias or an ARN of a KMS key' }),
  ),
  S3_ALLOWED_BUCKETS: buckets.default([]),
  S3_FORCE_PATH_STYLE: yesOrNo.default(false),
  S3_PUBLIC_ENDPOINT_URL: optional(withoutIssue(z.string(), endpointIssue)),
  PRESIGN_EXPIRES_SECONDS: integer(1, WEEK_SECONDS, 'seconds').default(3600),
};

type S3Variables = z.infer<z.ZodObject<typeof s3Fields & typeof proxyFields>>;

/** A check of two variables together: a key is used by `aws:kms` only. */
export function kmsCheck() {
  const isMet = ({ RESULTS_KMS_KEY_ID: keyId, RESULTS_SSE: sse }: Partial<S3Variables>) =>
    (keyId ?? null) === null || sse === 'aws:kms';
  const error = 'goes with RESULTS_SSE=aws:kms only';
  // Also when other variables are wrong, so that all issues are reported at once.
  const issue = { path: ['RESULTS_KMS_KEY_ID'], error, when: () => true };
  return [isMet, issue] as const;
}

/** How the workers reach S3, for all who go the same way. */
export function storeOptionsOf(config: S3Variables) {
  const { RESULTS_SSE: algorithm, RESULTS_KMS_KEY_ID: kmsKeyId } = config;
  return {
    proxies: proxiesOf(config),
    resultsBucket: config.RESULTS_BUCKET,
    encryption: algorithm === null ? undefined : { algorithm, kmsKeyId: kmsKeyId ?? undefined },
    presignExpiresSeconds: config.PRESIGN_EXPIRES_SECONDS,
    publicEndpoint: config.S3_PUBLIC_ENDPOINT_URL ?? undefined,
    forcePathStyle: config.S3_FORCE_PATH_STYLE,
  } satisfies Partial<ObjectStoreOptions>;
}

function prefixIssue(value: string): string | undefined {
  if (Buffer.byteLength(value) <= MAX_PREFIX_BYTES) return undefined;
  return `must have ${MAX_PREFIX_BYTES} bytes at most`;
}

/** What is wrong with the address of a store, as the end of a sentence. */
function endpointIssue(value: string): string | undefined {
  if (!URL.canParse(value)) return 'must be a URL such as https://s3.example.com';
  const { protocol, username, search, hash } = new URL(value);
  if (!/^https?:$/.test(protocol)) return 'must be an http or https URL';
  return username !== '' || search !== '' || hash !== ''
    ? 'must hold no user name, no query and no fragment'
    : undefined;
}
