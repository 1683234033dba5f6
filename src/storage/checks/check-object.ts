/**
 * Finds out whether Atlas can fetch an object: by HEAD, and where that is refused, or finds no object or nothing in
 * it, by a GET of one byte.
 */
import type { S3Http } from '../s3-http.js';
import type { ObjectReference } from '../s3-request.js';
import { responseError } from '../storage-errors.js';
import type { DeniedKeys } from './denied-keys.js';
import type { ReadableObjects } from './readable-objects.js';
import { isDotted, type Verdict, verdictOf } from './verdict.js';

/** One byte: an empty object has none, and an archived one refuses it. */
const FIRST_BYTE = { headers: { range: 'bytes=0-0' } };

export class ObjectCheck {
  constructor(
    private readonly http: S3Http,
    private readonly readable: ReadableObjects,
    private readonly denied: DeniedKeys,
  ) {}

  /**
   * @throws TransientError `STORAGE` when S3 cannot say: it fails, or refuses our credentials, our clock
   *   or our role and not this key alone.
   */
  async verdictOn(object: ObjectReference, signal?: AbortSignal): Promise<Verdict> {
    if (isDotted(object.key)) return 'dotted';
    const verdict = verdictOf(await this.http.ask({ method: 'HEAD', object, signal }));
    // Some proxies answer HEAD with the length of the body that it does not have: none.
    const isSure = verdict !== undefined && verdict !== 'empty';
    if (isSure) return this.noted(object, verdict);
    // A response to HEAD has no body, which would have S3's code: a refusal or a 404 may be a gateway's.
    const refusal = await this.readOneByte(object, signal);
    const known = verdictOf(refusal);
    if (known !== undefined) return this.noted(object, known);
    if (refusal.code !== 'AccessDenied' || !(await this.otherIsReadable(object, signal))) {
      this.denied.forget(object);
      throw responseError('GET', object, refusal);
    }
    // The role may have got its permission just before the other object was read.
    const again = await this.readOneByte(object, signal);
    const later = verdictOf(again);
    if (later !== undefined) return this.noted(object, later);
    if (again.code !== 'AccessDenied') throw responseError('GET', object, again);
    return this.denied.isLasting(object) ? 'denied' : 'doubtful';
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

  private noted<Found extends Verdict | undefined>(object: ObjectReference, verdict: Found): Found {
    if (verdict === 'readable') {
      this.readable.note(object.bucket, object.key);
      this.denied.forget(object);
    }
    return verdict;
  }
}
