/** What an S3 is called, whatever bucket is asked for: scheme and host. All of AWS is one, in every region. */

const AWS = /(?:^|\.)(amazonaws\.com(?:\.cn)?)$/;

/** @param origin At which an object of the bucket is asked for. Its host may begin with the bucket. */
export function storeName(origin: string, bucket: string): string {
  const { protocol, hostname, host } = new URL(origin);
  const aws = AWS.exec(hostname)?.[1];
  if (aws !== undefined) return aws;
  const shared = host.startsWith(`${bucket}.`) ? host.slice(bucket.length + 1) : host;
  return `${protocol}//${shared}`;
}
