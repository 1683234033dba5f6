/** What an S3 is called, whatever bucket is asked for: scheme and host. All of AWS is one, in every region. */

const AWS = /(?:^|\.)(amazonaws\.com(?:\.cn)?)$/;

/**
 * @param origin At which an object of the bucket is asked for.
 * @param bucket Which its host may begin with; null where all buckets are in the path.
 */
export function storeName(origin: string, bucket: string | null): string {
  const { protocol, hostname, host } = new URL(origin);
  const aws = AWS.exec(hostname)?.[1];
  if (aws !== undefined) return aws;
  const shared =
    bucket !== null && host.startsWith(`${bucket}.`) ? host.slice(bucket.length + 1) : host;
  return `${protocol}//${shared}`;
}
