/** Whether the receiver of events can be reached, in the way of the worker. */
import type { Config } from '../../config/config.js';
import { proxiesOf } from '../../config/proxy-fields.js';
import { errorName } from '../../errors.js';
import { tryConnection } from '../../http/connections.js';
import { proxyAdvice } from '../../http/proxy.js';
import type { Finding } from './finding.js';

/** As for connections of the worker. */
const TIMEOUT_MS = 10_000;
const REACH = 'correct COMPLETION_WEBHOOK_URL, or let this host reach it';
const TRUST =
  'let the receiver speak TLS with a certificate that is trusted (NODE_EXTRA_CA_CERTS names more authorities)';

/** Only connects: a POST would be an event that nobody awaits. Undefined without a webhook. */
export async function checkWebhook(config: Config): Promise<Finding | undefined> {
  if (config.COMPLETION_WEBHOOK_URL === null) return undefined;
  const url = new URL(config.COMPLETION_WEBHOOK_URL);
  // The path may hold a secret.
  const whose = `the receiver of events at ${url.host}`;
  try {
    await tryConnection(url, proxiesOf(config), TIMEOUT_MS);
    return { level: 'ok', subject: 'webhook', text: `${whose} can be reached` };
  } catch (error) {
    const code = errorName(error);
    const text = `${whose} cannot be reached (${code})`;
    return { level: 'error', subject: 'webhook', text, fix: adviceFor(code) };
  }
}

function adviceFor(code: string): string {
  const isTls = /SSL|TLS|CERT|SIGNATURE/.test(code);
  return proxyAdvice(code) ?? (isTls ? TRUST : REACH);
}
