/** Habits of S3 that no bad network explains: policies, credentials, archives, other regions. As faults. */
import type { FaultRule } from '../fault-rules.js';
import type { Answer } from '../http-server.js';
import type { S3Target } from './s3-request.js';
import { isErrorCode, S3Error, type S3ErrorCode } from './s3-xml.js';
import { wrongRegion } from './sigv4.js';

/**
 * An error's code answers with its document, and the request is not carried out. `archived`: the object
 * has to be restored first. `another-region`: the bucket lies in the `region` of the rule.
 */
export type S3Habit = S3ErrorCode | 'archived' | 'another-region';

type Fault = Pick<FaultRule<string, string | number, never>, 'fault' | 'region' | 'status'>;

/** The refusal that a habit brings; undefined when the request is to be carried out. */
export function refusalBy(fault: Fault | undefined, target: S3Target): S3Error | undefined {
  if (fault === undefined) return undefined;
  const { fault: kind, region, status } = fault;
  if (kind === 'archived' && target.operation === 'get') {
    const message = "The operation is not valid for the object's storage class";
    return new S3Error('InvalidObjectState', message, { StorageClass: 'GLACIER' });
  }
  if (kind === 'another-region' && region !== undefined && target.region !== region) {
    if (status !== 301) return wrongRegion(target.region, region);
    const message = 'The bucket you are attempting to access must be addressed elsewhere.';
    return new S3Error('PermanentRedirect', message, { Bucket: target.bucket }, region);
  }
  return isErrorCode(kind) ? new S3Error(kind, 'Refused on purpose.') : undefined;
}

/** The answer as the habit has it. */
export function withHabit(fault: Fault | undefined, target: S3Target, answer: Answer): Answer {
  if (fault?.fault !== 'archived' || target.operation !== 'head') return answer;
  return { ...answer, headers: { ...answer.headers, 'x-amz-storage-class': 'GLACIER' } };
}
