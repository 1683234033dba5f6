/** An object in S3. */
export interface ObjectReference {
  bucket: string;
  key: string;
}

/** For people: control characters in names are shown percent-encoded. */
export function describeObject({ bucket, key }: ObjectReference): string {
  return `s3://${bucket}/${key}`.replace(/\p{C}/gu, (character) =>
    encodeURIComponent(character.toWellFormed()),
  );
}
