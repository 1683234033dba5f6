/**
 * The AWS SDK's clients: they know endpoints, regions and credentials. All of them share the credentials
 * of the first, so that a role is asked for them once.
 */
import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';

export class SdkClients {
  private readonly first: S3Client;
  private readonly byRegion = new Map<string, S3Client>();

  constructor(private readonly config: S3ClientConfig) {
    this.first = new S3Client(config);
  }

  /** @param region In which a bucket was found. Default: the one of the configuration. */
  of(region?: string): S3Client {
    if (region === undefined) return this.first;
    const known = this.byRegion.get(region);
    if (known) return known;
    const client = new S3Client({ ...this.shared(), region });
    this.byRegion.set(region, client);
    return client;
  }

  /** The same store under another name. */
  at(endpoint: string): SdkClients {
    return new SdkClients({ ...this.shared(), endpoint });
  }

  destroy(): void {
    for (const client of [this.first, ...this.byRegion.values()]) client.destroy();
  }

  private shared(): S3ClientConfig {
    const { credentials, requestHandler } = this.first.config;
    return { ...this.config, credentials, requestHandler };
  }
}
