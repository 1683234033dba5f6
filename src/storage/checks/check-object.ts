/**
 * Finds out whether Atlas can fetch an object: by HEAD, and where that is refused, finds no object or nothing in it,
 * or one that is encrypted with a key of KMS, by a GET of one byte.
 */
import type { S3Http } from '../s3-http.js';
import type { ObjectReference } from '../s3-request.js';
import { responseError } from '../storage-errors.js';
import type { DeniedKeys } from './denied-keys.js';
import type { ReadableObjects } from './readable-objects.js';
import { isDotted, isOfObject, kmsKeyOf, type Verdict, verdictOf } from './verdict.js';

/** One byte: an empty object has none, and an archived one refuses it. */
const FIRST_BYTE = { headers: { range: 'bytes=0-0' } };

export class ObjectCheck {
  /** @param unlocked The same as `readable`, by bucket and key of KMS. */
  constructor(
    private readonly http: S3Http,
    private readonly readable: ReadableObjects,
    private readonly denied: DeniedKeys,
    private readonly unlocked: ReadableObjects,
  ) {}

  /**
   * @throws TransientError `STORAGE` when S3 cannot say: it fails, or refuses our credentials, our clock
   *   or our role and not this key alone.
   */
  async verdictOn(object: ObjectReference, signal?: AbortSignal): Promise<Verdict> {
    if (isDotted(object.key)) return 'dotted';
    const head = await this.http.ask({ method: 'HEAD', object, signal });
    const verdict = verdictOf(head);
    const key = kmsKeyOf(head);
    // Some proxies answer HEAD with the length of the body that it does not have: none.
    const isSure = verdict !== undefined && verdict !== 'empty' && !this.isUntried(object, key);
    if (isSure) return this.noted(object, verdict);
    // A response to HEAD has no body, which would have S3's code: a refusal or a 404 may be a gateway's.
    const refusal = await this.readOneByte(object, signal);
    const known = verdictOf(refusal);
    if (known !== undefined) return this.noted(object, known, key);
    if (!isOfObject(refusal) || !(await this.otherIsReadable(object, signal))) {
      this.denied.forget(object);
      throw responseError('GET', object, refusal);
    }
    // The role may have got its permission just before the other object was read.
    const again = await this.readOneByte(object, signal);
    const later = verdictOf(again);
    if (later !== undefined) return this.noted(object, later, key);
    if (!isOfObject(again)) throw responseError('GET', object, again);
    if (!this.denied.isLasting(object)) return 'doubtful';
    return key === undefined ? 'denied' : 'locked';
  }

  /** Whether nothing was read lately of what is encrypted with that key of KMS. */
  private isUntried({ bucket }: ObjectReference, key: string | undefined): boolean {
    return key !== undefined && this.unlocked.keyIn(`${bucket} ${key}`) === undefined;
  }

  private readOneByte(object: ObjectReference, signal: AbortSignal | undefined) {
    return this.http.ask({ method: 'GET', object, extra: FIRST_BYTE, signal });
  }

  /** Whether another object of the bucket that was read in the last minutes can still be read. */
  private async otherIsReadable(
    { bucket, key }: ObjectReference,
    signal: AbortSignal | undefined,
  ): Promise<boolean> {
    const other = this.readable.keyIn(bucket);
    if (other === undefined || other === key) return false;
    const object = { bucket, key: other };
    const response = await this.http.ask({ method: 'HEAD', object, signal });
    return this.noted(object, verdictOf(response)) === 'readable';
  }

  /** @param kmsKey By which its first byte was read. */
  private noted<Found extends Verdict | undefined>(
    object: ObjectReference,
    verdict: Found,
    kmsKey?: string,
  ): Found {
    if (verdict === 'readable') {
      const { bucket, key } = object;
      this.readable.note(bucket, key);
      if (kmsKey !== undefined) this.unlocked.note(`${bucket} ${kmsKey}`, key);
      this.denied.forget(object);
    }
    return verdict;
  }
}
