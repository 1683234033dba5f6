/** Lets the AWS SDK send its own requests the way that ours go: the checks of the CLI, and tokens of roles. */
import type { S3ClientConfig } from '@aws-sdk/client-s3';
import { Agent, type Dispatcher } from 'undici';
import { connectorVia, withWholeUrls } from '../http/connections.js';
import type { Proxies } from '../http/proxy.js';
import { encodeRfc3986 } from './sigv4.js';

interface SdkRequest {
  protocol: string;
  hostname: string;
  port?: number;
  path: string;
  query?: Record<string, string | string[] | null>;
  method: Dispatcher.HttpMethod;
  headers: Record<string, string>;
  body?: Buffer | string | null;
}

/** As for our own requests to S3. */
const TIMEOUT_MS = 10_000;

/** Part of the configuration of an SDK client; empty where everything is reached directly. */
export function sdkHandler(proxies: Proxies | undefined): Pick<S3ClientConfig, 'requestHandler'> {
  if (proxies === undefined) return {};
  const agent = new Agent({
    connect: connectorVia(proxies, TIMEOUT_MS),
    headersTimeout: TIMEOUT_MS,
    bodyTimeout: TIMEOUT_MS,
  });
  const dispatcher = withWholeUrls(agent, proxies);
  const handle = async (request: SdkRequest, options: { abortSignal?: AbortSignal } = {}) => {
    const { protocol, hostname, port, path, query, method, headers, body } = request;
    const pairs = Object.entries(query ?? {}).flatMap(([name, value]) =>
      [value ?? ''].flat().map((one: string) => `${encodeRfc3986(name)}=${encodeRfc3986(one)}`),
    );
    const response = await dispatcher.request({
      origin: `${protocol}//${hostname}${port === undefined ? '' : `:${port}`}`,
      path: pairs.length > 0 ? `${path}?${pairs.join('&')}` : path,
      method,
      headers,
      body: body ?? null,
      ...(options.abortSignal && { signal: options.abortSignal }),
    });
    return { response: { ...response, reason: '' } };
  };
  return {
    requestHandler: {
      metadata: { handlerProtocol: 'http/1.1' },
      handle,
      destroy: () => void agent.destroy().catch(() => {}),
    },
  };
}
