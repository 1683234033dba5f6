/**
 * Which requests go through a proxy, by the variables that other programs know too: `HTTPS_PROXY`,
 * `HTTP_PROXY`, `NO_PROXY`. Pure.
 */
import { BlockList, isIP } from 'node:net';
import { andNot } from '../check-options.js';

/** The proxies of a process, as text. */
export interface ProxySettings {
  /** Proxy of https URLs, such as `http://proxy.example.com:3128`. */
  readonly httpsProxy: string | null;
  /** Proxy of http URLs. */
  readonly httpProxy: string | null;
  /** Hosts that are reached directly, as in `NO_PROXY`. Loopback always is. */
  readonly noProxy: readonly string[];
}

export interface ProxyServer {
  url: URL;
  /** A secret when the URL has a password. */
  authorization: string | undefined;
}

/** As Chrome has it: with this entry loopback is asked through the proxy as well. */
const ALSO_LOOPBACK = '<-loopback>';
const LOOPBACK = /^(.*\.)?localhost$|^127\.|^\[?::1\]?$/;
const PROTOCOLS = ['https:', 'http:'] as const;
const DEFAULT_PORTS: Record<string, string> = { 'http:': '80', 'https:': '443' };

/** Whether a host, as URLs have it, is this machine. */
export function isLoopback(hostname: string): boolean {
  return LOOPBACK.test(hostname);
}

/** What is wrong with the URL of a proxy, as the end of a sentence; undefined when it is valid. */
export function proxyIssue(text: string): string | undefined {
  const example = 'must be a URL such as http://proxy.example.com:3128';
  if (!URL.canParse(text)) return example;
  const { protocol, pathname, search, hash, username, password } = new URL(text);
  if (!/^https?:$/.test(protocol)) return `${example}: http and https are spoken, SOCKS is not`;
  if (pathname !== '/' || search !== '' || hash !== '') return `${example}, without a path`;
  try {
    decodeURIComponent(username + password);
  } catch {
    return 'must have its user name and password percent-encoded';
  }
  return undefined;
}

/** The same for an entry of `NO_PROXY`. */
export function noProxyIssue(entries: readonly string[]): string | undefined {
  const isMeant = (entry: string) => !entry.includes('/') || toSubnet(entry) !== undefined;
  const wrong = entries.filter((entry) => !isMeant(entry));
  return wrong.length === 0
    ? undefined
    : `must list hosts, with commas in between: example.com, .example.com, host:port, 10.0.0.0/8 or *${andNot(wrong)}`;
}

/** The proxies of a process. Their URLs are read from the settings each time, so that a login can be rotated. */
export class Proxies {
  private readonly read = new Map<string, { text: string; proxy: ProxyServer }>();
  private readonly direct = new BlockList();
  private readonly hosts: string[];

  /** @throws RangeError for a URL that is not valid. */
  constructor(private readonly settings: ProxySettings) {
    for (const protocol of PROTOCOLS) this.proxyOf(protocol);
    this.hosts = settings.noProxy.map((entry) => entry.toLowerCase());
    for (const entry of this.hosts) {
      const subnet = toSubnet(entry);
      if (subnet) this.direct.addSubnet(...subnet);
    }
  }

  /** The proxy through which a URL is asked; undefined when it is asked directly. */
  of(url: { protocol: string; hostname: string; port: string }): ProxyServer | undefined {
    const proxy = this.proxyOf(url.protocol);
    if (proxy === undefined) return undefined;
    const host = url.hostname.toLowerCase().replace(/^\[|\]$|\.$/g, '');
    if (isLoopback(host) && !this.hosts.includes(ALSO_LOOPBACK)) return undefined;
    const family = isIP(host);
    if (family !== 0 && this.direct.check(host, family === 6 ? 'ipv6' : 'ipv4')) return undefined;
    const port = url.port || DEFAULT_PORTS[url.protocol];
    return this.hosts.some((entry) => isNamed(entry, host, port)) ? undefined : proxy;
  }

  /** For people, without passwords: `https through proxy.example.com:3128`. */
  describe(): string {
    const ways = PROTOCOLS.flatMap((protocol) => {
      const proxy = this.proxyOf(protocol);
      return proxy ? `${protocol.slice(0, -1)} goes through the proxy ${proxy.url.host}` : [];
    });
    const named = this.hosts.length > 0 ? `, but for ${this.hosts.join(', ')}` : '';
    return ways.join(', ') + named;
  }

  private proxyOf(protocol: string): ProxyServer | undefined {
    const { httpsProxy, httpProxy } = this.settings;
    const text = protocol === 'https:' ? httpsProxy : httpProxy;
    if (text === null) return undefined;
    const known = this.read.get(protocol);
    if (known?.text === text) return known.proxy;
    const proxy = toProxy(text);
    this.read.set(protocol, { text, proxy });
    return proxy;
  }
}

/** What codes of failures begin with that a proxy is to blame for. */
export const PROXY_CODE = 'PROXY_';
/** What to do when a proxy wants another login (407). */
export const PROXY_LOGIN = 'correct user name and password in HTTPS_PROXY (HTTP_PROXY for http)';

/** What to do about the code of a failure; undefined when no proxy is to blame. */
export function proxyAdvice(code: string): string | undefined {
  if (!code.startsWith(PROXY_CODE)) return undefined;
  return code === `${PROXY_CODE}407`
    ? PROXY_LOGIN
    : 'correct HTTPS_PROXY (HTTP_PROXY for http), let the proxy reach the host, or name it in NO_PROXY';
}

/** A name stands for its subdomains too, as in curl. */
function isNamed(entry: string, host: string, port: string | undefined): boolean {
  if (entry === '*') return true;
  const [, name = '', named] =
    /^(?:\*?\.)?\[?(.*?)\]?(?::(\d+))?$/.exec(isIP(entry) === 6 ? `[${entry}]` : entry) ?? [];
  if (named !== undefined && named !== port) return false;
  return name !== '' && (host === name || host.endsWith(`.${name}`));
}

function toProxy(text: string): ProxyServer {
  const issue = proxyIssue(text);
  if (issue !== undefined) throw new RangeError(`the URL of the proxy ${issue}`);
  const url = new URL(text);
  const { username, password } = url;
  const login = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  const authorization =
    login === ':' ? undefined : `Basic ${Buffer.from(login).toString('base64')}`;
  return { url, authorization };
}

function toSubnet(entry: string): [string, number, 'ipv4' | 'ipv6'] | undefined {
  const [, address = '', bits] = /^(.+)\/(\d{1,3})$/.exec(entry) ?? [];
  const family = isIP(address);
  if (family === 0 || Number(bits) > (family === 6 ? 128 : 32)) return undefined;
  return [address, Number(bits), family === 6 ? 'ipv6' : 'ipv4'];
}
