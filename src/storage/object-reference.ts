import { escapeControls } from '../jobs/validation-issues.js';

/** An object in S3. */
export interface ObjectReference {
  bucket: string;
  key: string;
}

/** For people: `s3://bucket/key`, safe to print. */
export function describeObject({ bucket, key }: ObjectReference): string {
  return escapeControls(`s3://${bucket}/${key}`);
}
