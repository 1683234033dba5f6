/** Writes results objects, each on a condition of what it may replace. */
import { AbortError } from 'p-retry';
import type { Logger } from '../../logging.js';
import type { S3Http } from '../s3-http.js';
import { headerOf, isSuccess } from '../s3-request.js';
import { responseError, resultError } from '../storage-errors.js';
import { toResultBody } from './result-body.js';

/** `absent`: there is no object. `match`: it is this one. `none`: nobody can say. */
export type PutCondition = { kind: 'absent' } | { kind: 'match'; etag: string } | { kind: 'none' };

export interface PutOptions {
  /** Default: what is there is replaced. */
  condition?: PutCondition;
  /** Asked right before a request goes out. When it is false, nothing does. */
  mayBegin?: () => boolean;
  signal?: AbortSignal;
}

/** `changed`: the condition does not hold. */
export type PutReply = 'stored' | 'changed' | 'too-late';

class TooLateError extends Error {
  override name = 'TooLateError';
}

/**
 * After a result was stored, one that S3 does not take is at fault itself for so long: a policy may deny one key, an
 * object may be locked. A role that has lost its permission is found out after that.
 */
const STORED_LATELY_MS = 600_000;

const ALWAYS: PutCondition = { kind: 'none' };

function headersOf(condition: PutCondition): Record<string, string> {
  if (condition.kind === 'none') return {};
  return condition.kind === 'absent' ? { 'if-none-match': '*' } : { 'if-match': condition.etag };
}

export class ResultWriter {
  private knowsConditions = true;
  /** When one was stored last, on the monotonic clock. */
  private storedAt = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly parts: {
      http: S3Http;
      bucket: string;
      /** Headers that say how S3 is to encrypt. */
      encryption: Record<string, string>;
      logger: Pick<Logger, 'warn'>;
    },
  ) {}

  /** @throws TransientError `STORAGE` for any other response; OwnFaultError where no result of this process is taken. */
  async put(key: string, text: Iterable<string>, options: PutOptions = {}): Promise<PutReply> {
    const { http, bucket, encryption, logger } = this.parts;
    const { condition = ALWAYS, mayBegin, signal } = options;
    const object = { bucket, key };
    const { byteLength, contentMd5, sha256, open } = await toResultBody(text);
    const headers = {
      'content-type': 'application/json',
      'content-length': String(byteLength),
      ...(contentMd5 === null ? {} : { 'content-md5': contentMd5 }),
      ...encryption,
    };
    const openBody = () => {
      if (mayBegin?.() === false) throw new AbortError(new TooLateError());
      return open();
    };
    const send = (more: Record<string, string>) => {
      const extra = { headers: { ...headers, ...more }, payloadHash: sha256 };
      return http.ask({ method: 'PUT', object, extra, openBody, signal });
    };
    try {
      let response = await send(this.knowsConditions ? headersOf(condition) : {});
      if (response.status === 501 && this.knowsConditions) {
        this.knowsConditions = false;
        logger.warn(
          { bucket },
          'the store of results knows no conditional writes: a worker that stood still for longer than its lock lives may replace a result that another one stored',
        );
        response = await send({});
      }
      if (isSuccess(response)) {
        this.storedAt = performance.now();
        return 'stored';
      }
      const { status, code } = response;
      // With `If-Match`, an object that is gone is a 404.
      if (status === 412 || (status === 404 && code === 'NoSuchKey')) return 'changed';
      const storesOthers = performance.now() - this.storedAt < STORED_LATELY_MS;
      throw resultError(object, response, { storesOthers });
    } catch (error) {
      if (error instanceof TooLateError) return 'too-late';
      throw error;
    }
  }

  /** The condition under which what is there now may be replaced. */
  async conditionOf(key: string, signal?: AbortSignal): Promise<PutCondition> {
    const object = { bucket: this.parts.bucket, key };
    const response = await this.parts.http.ask({ method: 'HEAD', object, signal });
    if (response.status === 404) return { kind: 'absent' };
    // A role may write results, and not read them.
    if (!isSuccess(response) && response.status !== 403) {
      throw responseError('HEAD', object, response);
    }
    // A proxy may have weakened it, and a weak one matches nothing.
    const etag = headerOf(response, 'etag')?.replace(/^W\//, '');
    return etag ? { kind: 'match', etag } : ALWAYS;
  }
}
