/** The settings of S3 that a client hands to the AWS SDK, and what is wrong with them. */
import type { S3ClientConfig } from '@aws-sdk/client-s3';
import { checkType } from '../check-options.js';
import { UsageError } from '../errors.js';

const HTTP_URL = /^https?:\/\/./;
/** The compiler says when the SDK has others. It ignores what it does not know, as a misspelt name. */
const KNOWN: Record<keyof S3ClientConfig, true> = {
  apiVersion: true,
  authSchemePreference: true,
  base64Decoder: true,
  base64Encoder: true,
  bodyLengthChecker: true,
  bucketEndpoint: true,
  cacheMiddleware: true,
  checksumAlgorithms: true,
  clientContextParams: true,
  credentialDefaultProvider: true,
  credentials: true,
  customUserAgent: true,
  defaultUserAgentProvider: true,
  defaultsMode: true,
  disableClockSkewCorrection: true,
  disableHostPrefix: true,
  disableMultiregionAccessPoints: true,
  disableS3ExpressSessionAuth: true,
  endpoint: true,
  endpointProvider: true,
  eventStreamSerdeProvider: true,
  expectContinueHeader: true,
  extensions: true,
  followRegionRedirects: true,
  forcePathStyle: true,
  getAwsChunkedEncodingStream: true,
  httpAuthSchemeProvider: true,
  httpAuthSchemes: true,
  ignoreConfiguredEndpointUrls: true,
  logger: true,
  maxAttempts: true,
  md5: true,
  profile: true,
  protocol: true,
  protocolSettings: true,
  region: true,
  requestChecksumCalculation: true,
  requestHandler: true,
  requestStreamBufferSize: true,
  responseChecksumValidation: true,
  retryMode: true,
  retryStrategy: true,
  runtime: true,
  s3ExpressIdentityProvider: true,
  sdkStreamMixin: true,
  serviceConfiguredEndpoint: true,
  serviceId: true,
  sha1: true,
  sha256: true,
  signer: true,
  signerConstructor: true,
  signingEscapePath: true,
  signingRegion: true,
  sigv4aSigningRegionSet: true,
  streamCollector: true,
  streamHasher: true,
  systemClockOffset: true,
  tls: true,
  urlParser: true,
  useAccelerateEndpoint: true,
  useArnRegion: true,
  useDualstackEndpoint: true,
  useFipsEndpoint: true,
  useGlobalEndpoint: true,
  userAgentAppId: true,
  utf8Decoder: true,
  utf8Encoder: true,
};

/** @throws UsageError for a name that the SDK does not know, and for an endpoint or a region that is none. */
export function checkS3(value: unknown): void {
  checkType('s3', value, 'object');
  const unknown = Object.keys(Object(value)).filter((name) => !Object.hasOwn(KNOWN, name));
  if (unknown.length > 0) {
    throw new UsageError(
      `s3 has no option ${unknown.join(', ')}; it has those of the AWS SDK, such as endpoint, region, credentials and forcePathStyle`,
    );
  }
  const { endpoint, region } = Object(value);
  // Functions and objects are the SDK's own forms.
  const isUrl =
    typeof endpoint === 'string' ? HTTP_URL.test(endpoint) : typeof endpoint !== 'number';
  if (!isUrl) throw new UsageError('s3.endpoint must be a URL such as http://127.0.0.1:9000');
  if (region !== undefined && typeof region !== 'string' && typeof region !== 'function')
    throw new UsageError('s3.region must be text such as ap-south-1');
}
