/** The variables of proxies, for schemas of all that talks to Atlas or S3. */

import { z } from 'zod';
import { noProxyIssue, Proxies, type ProxySettings, proxyIssue } from '../http/proxy.js';
import { list, optional, withoutIssue } from './fields.js';

const proxy = optional(withoutIssue(z.string(), proxyIssue));
const noProxy = z
  .string()
  .transform((value) => list.parse(value.replaceAll(/\s+/g, ',')))
  .superRefine((entries, issues) => {
    const issue = noProxyIssue(entries);
    if (issue !== undefined) issues.addIssue({ code: 'custom', message: issue });
  })
  .default([]);

/** Both spellings are in use; small letters win, as in curl. */
export const proxyFields = {
  HTTPS_PROXY: proxy,
  HTTP_PROXY: proxy,
  NO_PROXY: noProxy,
  https_proxy: proxy,
  http_proxy: proxy,
  no_proxy: noProxy,
};

type ProxyVariables = z.infer<z.ZodObject<typeof proxyFields>>;

/** Undefined when everything is reached directly. */
export function proxySettingsOf(config: ProxyVariables): ProxySettings | undefined {
  const httpsProxy = config.https_proxy ?? config.HTTPS_PROXY;
  const httpProxy = config.http_proxy ?? config.HTTP_PROXY;
  const noProxy = config.no_proxy.length > 0 ? config.no_proxy : config.NO_PROXY;
  return httpsProxy === null && httpProxy === null ? undefined : { httpsProxy, httpProxy, noProxy };
}

export function proxiesOf(config: ProxyVariables): Proxies | undefined {
  const settings = proxySettingsOf(config);
  return settings && new Proxies(settings);
}
