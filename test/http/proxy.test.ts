import { expect, test } from 'vitest';
import { noProxyIssue, Proxies, proxyIssue } from '../../src/http/proxy.js';

const isProxied = (url: string, ...noProxy: string[]) => {
  const proxy = 'http://proxy.example.com:3128';
  return (
    new Proxies({ httpsProxy: proxy, httpProxy: proxy, noProxy }).of(new URL(url)) !== undefined
  );
};

test.each([
  ['https://atlas.example.com', [], true],
  ['http://minio.internal:9000', [], true],
  ['https://atlas.example.com', ['example.com'], false],
  ['https://atlas.example.com', ['.Example.com'], false],
  ['https://atlas.example.com.', ['*.example.com'], false],
  ['https://notexample.com', ['example.com'], true],
  ['https://atlas.example.com', ['example.com:443'], false],
  ['https://atlas.example.com:8443', ['example.com:443'], true],
  ['https://10.1.2.3', ['10.0.0.0/8'], false],
  ['https://11.1.2.3', ['10.0.0.0/8', '11.1.2.4'], true],
  ['https://[fd00::1]:8443', ['fd00::/8'], false],
  ['https://[fd00::1]:8443', ['[fd00::1]:8443'], false],
  ['https://[fd00::1]', ['fd00::1'], false],
  ['https://atlas.example.com', ['*'], false],
  ['http://127.0.0.1:9000', ['example.com'], false],
  ['http://localhost:9000', [], false],
  ['http://[::1]:9000', [], false],
  ['https://localhost:9000', ['<-loopback>'], true],
])('the URL %s with NO_PROXY %j goes through the proxy: %s', (url, noProxy, proxied) => {
  expect(isProxied(url, ...noProxy)).toBe(proxied);
});

test('a proxy serves its own scheme only', () => {
  const proxies = new Proxies({ httpsProxy: 'http://p:1', httpProxy: null, noProxy: [] });
  expect(proxies.of(new URL('http://minio.internal'))).toBeUndefined();
  expect(proxies.of(new URL('https://minio.internal'))?.url.port).toBe('1');
});

test('a description of the proxies holds no password', () => {
  const httpsProxy = 'http://user:canary@proxy.example.com:3128';
  const proxies = new Proxies({ httpsProxy, httpProxy: null, noProxy: ['a.example.com'] });
  expect(proxies.describe()).toBe(
    'https goes through the proxy proxy.example.com:3128, but for a.example.com',
  );
});

test.each([
  'proxy.example.com:3128',
  'proxy',
  'socks5://proxy:1080',
  'http://proxy/path',
  'http://a%:b@proxy',
])('the text %s is refused as the URL of a proxy', (text) => {
  expect(proxyIssue(text)).toBeDefined();
  expect(() => new Proxies({ httpsProxy: text, httpProxy: null, noProxy: [] })).toThrow(RangeError);
});

test('an entry of NO_PROXY that is a URL or no network is refused', () => {
  expect(noProxyIssue(['10.0.0.0/8', 'fd00::/8', '*', '.a.b', 'c:1'])).toBeUndefined();
  expect(noProxyIssue(['https://a.b'])).toMatch(/must list hosts/);
  expect(noProxyIssue(['10.0.0.0/33'])).toMatch(/must list hosts/);
});
