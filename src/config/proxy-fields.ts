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

/** Undefined when everything is reached directly. The URLs are read anew each time: their password is a secret. */
export function proxySettingsOf(config: ProxyVariables): ProxySettings | undefined {
  const settings = {
    get httpsProxy() {
      return config.https_proxy ?? config.HTTPS_PROXY;
    },
    get httpProxy() {
      return config.http_proxy ?? config.HTTP_PROXY;
    },
    noProxy: config.no_proxy.length > 0 ? config.no_proxy : config.NO_PROXY,
  };
  return settings.httpsProxy === null && settings.httpProxy === null ? undefined : settings;
}

export function proxiesOf(config: ProxyVariables): Proxies | undefined {
  const settings = proxySettingsOf(config);
  return settings && new Proxies(settings);
}
