/** Before anything is sent: may these objects be read, are they there, and can they be fetched? */
import { OwnFaultError, PermanentError } from '../../errors.js';
import { fromRanges, toRanges } from '../../jobs/index-ranges.js';
import { escapeControls } from '../../jobs/request/validation-issues.js';
import { isBucketAllowed } from '../../storage/allowed-buckets.js';
import type { Verdict } from '../../storage/checks/verdict.js';
import { AccessDeniedError } from '../../storage/storage-errors.js';
import { unlessAborted } from '../../timeouts.js';
import { type BatchContext, checkpoint } from './batch-context.js';
import { noteChecked } from './transitions.js';

/** Objects that a message names one by one; the indexes of all others follow as ranges. */
const NAMED_OBJECTS = 100;
/** Objects between two safe points: a second or two, even of a slow S3. */
const CHECKED_AT_ONCE = 500;

/** What the role of another worker may be allowed. */
const REFUSALS: ReadonlySet<Verdict> = new Set(['doubtful', 'denied', 'locked']);
/** The sentences of a failed batch, in this order. */
const ISSUES: Readonly<Record<Exclude<Verdict, 'readable' | 'doubtful'>, string>> = {
  absent: 'no such object',
  archived: 'archived, and to be restored before anybody can read it',
  empty: 'empty',
  dotted: 'its key has . or .. between slashes, which HTTP clients resolve',
  sealed: 'encrypted with a key that only whoever stored it has (SSE-C)',
  locked:
    'encrypted with a key of KMS that our role may not use (kms:Decrypt), while it can read other objects of the bucket',
  denied:
    'denied to our role, which can read other objects of the bucket (without s3:ListBucket S3 says so of an absent one too)',
};

/**
 * Checks the buckets of the documents of these indexes. They come before the objects: whether those exist
 * in a forbidden bucket is none of the caller's business.
 * @throws PermanentError BUCKET_NOT_ALLOWED; OwnFaultError where other workers allow a bucket.
 */
export async function checkBuckets(entry: BatchContext, indexes: readonly number[]): Promise<void> {
  const { config } = entry.context;
  const bucketOf = (index: number) => entry.request.documents[index]?.bucket ?? '';
  const forbidden = indexes.filter(
    (index) => !isBucketAllowed(bucketOf(index), config.S3_ALLOWED_BUCKETS, config.RESULTS_BUCKET),
  );
  if (forbidden.length > 0) {
    const buckets = new Set(forbidden.map(bucketOf));
    const elsewhere = await entry.context.bucketRules.allowedElsewhere(buckets);
    const nowhere = forbidden.filter((index) => !elsewhere.has(bucketOf(index)));
    if (nowhere.length === 0) {
      throw new OwnFaultError(
        'BUCKET_NOT_ALLOWED',
        `this worker does not allow ${[...elsewhere].join(', ')} (S3_ALLOWED_BUCKETS), and others do`,
      );
    }
    throw new PermanentError(
      'BUCKET_NOT_ALLOWED',
      `not in a bucket that S3_ALLOWED_BUCKETS allows: ${nameDocuments(entry, nowhere)}`,
    );
  }
}

/**
 * Checks the objects of the documents of these indexes; all issues are reported at once.
 * @throws PermanentError OBJECT_NOT_FOUND or OBJECT_UNREADABLE; TransientError STORAGE, with what is known
 *   kept in the state; OwnFaultError where others ask another S3, or may read there.
 */
export async function checkObjects(entry: BatchContext, indexes: readonly number[]): Promise<void> {
  const verdicts = await findVerdicts(entry, indexes);
  const issues = Object.entries(ISSUES).flatMap(([verdict, what]) => {
    const found = indexes.filter((index) => verdicts.get(index) === verdict);
    return found.length > 0 ? [`${what}: ${nameDocuments(entry, found)}`] : [];
  });
  if (issues.length === 0) return;
  const isAbsent = [...verdicts.values()].includes('absent');
  // What is absent here may be there for others, which ask another S3.
  if (isAbsent) {
    await entry.context.storesRead.expectOurs('OBJECT_NOT_FOUND');
    const absent = indexes.filter((index) => verdicts.get(index) === 'absent');
    await entry.context.storesRead.expectOursIn(bucketsOf(entry, absent));
  }
  throw new PermanentError(isAbsent ? 'OBJECT_NOT_FOUND' : 'OBJECT_UNREADABLE', issues.join('; '));
}

/**
 * In parts, so that a worker whose lock is lost asks for no ten thousand objects more. A pass begins
 * where the last one stopped: with ten thousand objects and an S3 that fails now and then, none would
 * ever come to its end.
 */
async function findVerdicts(
  entry: BatchContext,
  indexes: readonly number[],
): Promise<Map<number, Verdict>> {
  const readable = new Set(fromRanges(entry.state.checked ?? ''));
  const open = indexes.filter((index) => !readable.has(index));
  const verdicts = new Map<number, Verdict>();
  try {
    await checkThose(entry, unreadBuckets(entry, open, readable), () => {});
    await checkThose(entry, open, (index, verdict) => {
      verdicts.set(index, verdict);
      if (verdict === 'readable') readable.add(index);
    });
  } catch (error) {
    entry.state = noteChecked(entry.state, toRanges(readable));
    throw error;
  }
  await entry.context.storesRead.noteDocumentsRead();
  return verdicts;
}

/**
 * Of each bucket of which we have read nothing, a document that another process has found readable. Who has read that
 * one knows that a denied document is not for its own role.
 */
function unreadBuckets(
  entry: BatchContext,
  open: readonly number[],
  readable: ReadonlySet<number>,
): number[] {
  const { bucketsRead } = entry.context.store;
  const unread = [...bucketsOf(entry, open)].filter((bucket) => !bucketsRead.has(bucket));
  if (unread.length === 0) return [];
  const known = [...readable];
  return unread.flatMap(
    (bucket) => known.find((index) => entry.request.documents[index]?.bucket === bucket) ?? [],
  );
}

/**
 * To be called before URLs are signed for documents of these indexes. Another process may have checked them, whose role
 * may read more than ours: Atlas could not fetch them by our URLs. What no worker can read by now is not judged here, but
 * in the next round.
 * @throws TransientError; OwnFaultError where others may read there.
 */
export async function expectOwnRole(
  entry: BatchContext,
  indexes: readonly number[],
): Promise<void> {
  const unread = indexes.filter((index) => {
    const document = entry.request.documents[index];
    return document !== undefined && !entry.context.store.hasRead(document);
  });
  await checkThose(entry, unread, () => {});
}

/** @throws TransientError, when what was found until then was told; OwnFaultError where others may read there. */
async function checkThose(
  entry: BatchContext,
  indexes: readonly number[],
  onVerdict: (index: number, verdict: Verdict) => void,
): Promise<void> {
  const { context, request } = entry;
  const verdicts = new Map<number, Verdict>();
  try {
    for (let from = 0; from < indexes.length; from += CHECKED_AT_ONCE) {
      checkpoint(entry);
      const part = indexes.slice(from, from + CHECKED_AT_ONCE);
      const objects = part.flatMap((index) => request.documents[index] ?? []);
      const note = (position: number, verdict: Verdict) => {
        const index = part[position] ?? -1;
        verdicts.set(index, verdict);
        onVerdict(index, verdict);
      };
      await unlessAborted(context.store.check(objects, note, entry.signal), context.stopping);
    }
  } catch (error) {
    if (!(error instanceof AccessDeniedError)) throw error;
    if (await context.storesRead.onlyOthersRead(bucketsOf(entry, indexes)))
      throw new OwnFaultError(error.code, error.message, { cause: error });
    const unknown = indexes.filter((index) => !verdicts.has(index)).slice(0, CHECKED_AT_ONCE);
    await context.deniedObjects.forget(unknown.flatMap((index) => request.documents[index] ?? []));
    throw error;
  }
  await expectDenied(entry, verdicts);
}

/**
 * One object that no worker can read ends the batch, so that of one alone the others are asked.
 * @throws TransientError; OwnFaultError where others can read it.
 */
async function expectDenied(
  { context, request }: BatchContext,
  verdicts: ReadonlyMap<number, Verdict>,
): Promise<void> {
  const refused = [...verdicts].filter(([, verdict]) => REFUSALS.has(verdict));
  // The same one at each try, whichever response came first.
  const index = refused.reduce((first, [one]) => Math.min(first, one), Number.POSITIVE_INFINITY);
  const document = request.documents[index];
  if (!document) return;
  const lasts = refused.every(([, verdict]) => verdict !== 'doubtful');
  await context.deniedObjects.expectDenied(document, { lasts });
}

function bucketsOf({ request }: BatchContext, indexes: readonly number[]): Set<string> {
  return new Set(indexes.map((index) => request.documents[index]?.bucket ?? ''));
}

/** `001 (s3://bucket/key), …` */
function nameDocuments({ request }: BatchContext, indexes: readonly number[]): string {
  const listed = indexes.slice(0, NAMED_OBJECTS).map((index) => {
    const { documentId = '', bucket = '', key = '' } = request.documents[index] ?? {};
    return `${documentId} (s3://${bucket}/${escapeControls(key)})`;
  });
  const others = toRanges(indexes.slice(NAMED_OBJECTS));
  return listed.join(', ') + (others ? ` and documents[${others}]` : '');
}
