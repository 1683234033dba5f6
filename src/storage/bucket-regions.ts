/** In which region a bucket lies, where S3 said that it is another one than ours. */

export const REGION_HEADER = 'x-amz-bucket-region';
/** Of AWS and of other stores; it becomes a part of a host name. */
const REGION = /^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$/;
/** Names of buckets come from jobs. At this number all are dropped, and learnt again. */
const MAX_BUCKETS = 1_000;
/** AWS has about forty. A store that names a new one each time is not followed. */
const MAX_REGIONS = 100;

export class BucketRegions {
  private readonly known = new Map<string, string>();
  private readonly regions = new Set<string>();

  /** Undefined where the configured region is right, for all that is known. */
  of(bucket: string): string | undefined {
    return this.known.get(bucket);
  }

  /**
   * Keeps what S3 said of a bucket.
   * @param used The region that the refused request was signed for.
   * @returns Whether it is worth to ask once more.
   */
  learn(bucket: string, region: string | undefined, used: string): boolean {
    if (region === undefined || region === used || !REGION.test(region)) return false;
    if (this.regions.size >= MAX_REGIONS && !this.regions.has(region)) return false;
    if (this.known.size >= MAX_BUCKETS) this.known.clear();
    this.regions.add(region);
    this.known.set(bucket, region);
    return true;
  }
}

/** The region that S3 named when it refused a request of the SDK. */
export function regionNamedBy(error: unknown): string | undefined {
  const response: unknown = Reflect.get(Object(error), '$response');
  const headers = Object(Reflect.get(Object(response), 'headers'));
  const named: unknown =
    Reflect.get(headers, REGION_HEADER) ?? Reflect.get(Object(error), 'Region');
  return typeof named === 'string' && REGION.test(named) ? named : undefined;
}
