/** Measures pre-signed URLs per second, by our signer and by `getSignedUrl`. */
import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { SdkClients } from '../../../src/storage/sdk-clients.js';
import { createSigner } from '../../../src/storage/signer.js';
import { CREDENTIALS, DOCUMENTS_BUCKET } from '../work.js';

const EXPIRES_SECONDS = 3600;
const URLS = 5000;
/** Calls of each before they are timed. */
const WARM_UP = 500;

export interface Presigning {
  signerPerSecond: number;
  getSignedUrlPerSecond: number;
}

/** Signs keys that are all different. Throws when the two do not give the same URL. */
export async function measurePresigning(): Promise<Presigning> {
  const config = { region: 'eu-west-1', credentials: CREDENTIALS };
  const client = new S3Client(config);
  const date = new Date();
  const signer = createSigner(new SdkClients(config), { now: () => date });
  const bySigner = (key: string) =>
    signer.presign({ bucket: DOCUMENTS_BUCKET, key }, EXPIRES_SECONDS);
  const bySdk = (key: string) =>
    getSignedUrl(client, new GetObjectCommand({ Bucket: DOCUMENTS_BUCKET, Key: key }), {
      expiresIn: EXPIRES_SECONDS,
      signingDate: date,
    });
  const key = 'loans/2026/11/scan.jpg';
  if ((await bySigner(key)) !== (await bySdk(key))) throw new Error('the URLs differ');
  await ratePerSecond(bySdk, WARM_UP);
  await ratePerSecond(bySigner, WARM_UP);
  return {
    getSignedUrlPerSecond: await ratePerSecond(bySdk, URLS),
    signerPerSecond: await ratePerSecond(bySigner, URLS),
  };
}

async function ratePerSecond(sign: (key: string) => Promise<string>, urls: number) {
  const started = performance.now();
  for (let i = 0; i < urls; i += 1) await sign(`loans/2026/11/${i}/scan.jpg`);
  return (urls / (performance.now() - started)) * 1000;
}
