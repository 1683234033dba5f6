/** Habits of S3 that no bad network explains: policies, credentials, archives, other regions. As faults. */
import type { FaultRule } from '../fault-rules.js';
import type { Answer } from '../http-server.js';
import type { S3Target } from './s3-request.js';
import { errorAnswer, isErrorCode, S3Error, type S3ErrorCode } from './s3-xml.js';
import { wrongRegion } from './sigv4.js';

/**
 * An error's code answers with its document, and the request is not carried out. `archived`: the object
 * has to be restored first. `sealed`: it is encrypted with a key that a request must bring (SSE-C). `locked`: with one of KMS that the role may not use. `another-region`: the bucket lies in the `region` of the rule. `html-200`:
 * a portal's page, `error-200`: an error document, `empty-200`: no body and no header of S3, all with status 200, and
 * nothing is carried out. `no-length`: HEAD says that the object has no bytes.
 */
export const S3_HABITS = [
  'archived',
  'sealed',
  'locked',
  'another-region',
  'html-200',
  'error-200',
  'empty-200',
  'no-length',
] as const;
export type S3Habit = S3ErrorCode | (typeof S3_HABITS)[number];

const PORTAL: Answer = {
  status: 200,
  headers: { 'content-type': 'text/html' },
  body: '<!doctype html><html><body>Please log in</body></html>',
};

const ENCRYPTED = {
  'x-amz-server-side-encryption': 'aws:kms',
  'x-amz-server-side-encryption-aws-kms-key-id': 'arn:aws:kms:us-east-1:123456789012:key/1',
};

type Fault = Pick<FaultRule<string, string | number, never>, 'fault' | 'region' | 'status'>;

/** The refusal that a habit brings; undefined when the request is to be carried out. */
export function refusalBy(fault: Fault | undefined, target: S3Target): S3Error | undefined {
  if (fault === undefined) return undefined;
  const { fault: kind, region, status } = fault;
  if (kind === 'archived' && target.operation === 'get') {
    const message = "The operation is not valid for the object's storage class";
    return new S3Error('InvalidObjectState', message, { StorageClass: 'GLACIER' });
  }
  if (kind === 'sealed' && isRead(target)) {
    const message =
      'The object was stored using a form of Server Side Encryption. The correct parameters must be provided to retrieve the object.';
    return new S3Error('InvalidRequest', message);
  }
  if (kind === 'locked' && target.operation === 'get') {
    return new S3Error('AccessDenied', 'The role is not authorized to perform: kms:Decrypt');
  }
  if (kind === 'another-region' && region !== undefined && target.region !== region) {
    if (status !== 301) return wrongRegion(target.region, region);
    const message = 'The bucket you are attempting to access must be addressed elsewhere.';
    return new S3Error('PermanentRedirect', message, { Bucket: target.bucket }, region);
  }
  return isErrorCode(kind) ? new S3Error(kind, 'Refused on purpose.') : undefined;
}

function isRead({ operation }: S3Target): boolean {
  return operation === 'get' || operation === 'head';
}

/** What is answered with status 200 although nothing was carried out. */
export function falseSuccessBy(fault: Fault | undefined): Answer | undefined {
  if (fault?.fault === 'html-200') return PORTAL;
  if (fault?.fault === 'empty-200') return { status: 200 };
  if (fault?.fault !== 'error-200') return undefined;
  const error = new S3Error('InternalError', 'We encountered an error after the first byte.');
  return { ...errorAnswer(error, '/'), status: 200 };
}

/** The answer as the habit has it. */
export function withHabit(fault: Fault | undefined, target: S3Target, answer: Answer): Answer {
  if (target.operation !== 'head') return answer;
  const { headers } = answer;
  switch (fault?.fault) {
    case 'archived':
      return { ...answer, headers: { ...headers, 'x-amz-storage-class': 'GLACIER' } };
    case 'locked':
      return { ...answer, headers: { ...headers, ...ENCRYPTED } };
    case 'no-length':
      return { ...answer, headers: { ...headers, 'content-length': '0' } };
    default:
      return answer;
  }
}
