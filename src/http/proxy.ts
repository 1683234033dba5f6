/**
 * Which requests go through a proxy, by the variables that other programs know too: `HTTPS_PROXY`,
 * `HTTP_PROXY`, `NO_PROXY`. Pure.
 */
import { BlockList, isIP } from 'node:net';

/** The proxies of a process, as text. */
export interface ProxySettings {
  /** Proxy of https URLs, such as `http://proxy.example.com:3128`. */
  httpsProxy: string | null;
  /** Proxy of http URLs. */
  httpProxy: string | null;
  /** Hosts that are reached directly, as in `NO_PROXY`. Loopback always is. */
  noProxy: readonly string[];
}

export interface ProxyServer {
  url: URL;
  /** A secret when the URL has a password. */
  authorization: string | undefined;
}

/** As Chrome has it: with this entry loopback is asked through the proxy as well. */
const ALSO_LOOPBACK = '<-loopback>';
const LOOPBACK = /^(.*\.)?localhost$|^127\.|^\[?::1\]?$/;
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
  return entries.every(isMeant)
    ? undefined
    : 'must list hosts, with commas in between: example.com, .example.com, host:port, 10.0.0.0/8 or *';
}

/** The proxies of a process. */
export class Proxies {
  private readonly byProtocol = new Map<string, ProxyServer>();
  private readonly direct = new BlockList();
  private readonly hosts: string[];

  /** @throws RangeError for a URL that is not valid. */
  constructor(settings: ProxySettings) {
    const { httpsProxy, httpProxy } = settings;
    if (httpsProxy !== null) this.byProtocol.set('https:', toProxy(httpsProxy));
    if (httpProxy !== null) this.byProtocol.set('http:', toProxy(httpProxy));
    this.hosts = settings.noProxy.map((entry) => entry.toLowerCase());
    for (const entry of this.hosts) {
      const subnet = toSubnet(entry);
      if (subnet) this.direct.addSubnet(...subnet);
    }
  }

  /** The proxy through which a URL is asked; undefined when it is asked directly. */
  of(url: { protocol: string; hostname: string; port: string }): ProxyServer | undefined {
    const proxy = this.byProtocol.get(url.protocol);
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
    const ways = [...this.byProtocol].map(
      ([protocol, { url }]) => `${protocol.slice(0, -1)} goes through the proxy ${url.host}`,
    );
    const named = this.hosts.length > 0 ? `, but for ${this.hosts.join(', ')}` : '';
    return ways.join(', ') + named;
  }
}

/** What to do about the code of a failure; undefined when no proxy is to blame. */
export function proxyAdvice(code: string): string | undefined {
  if (!code.includes('PROXY_')) return undefined;
  return code.includes('PROXY_407')
    ? 'correct user name and password in HTTPS_PROXY (HTTP_PROXY for http)'
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
