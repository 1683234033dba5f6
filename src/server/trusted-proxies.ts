/** The proxies before us: what they say of who sends a request is believed. */
import { BlockList, isIPv6 } from 'node:net';
import type { FastifyInstance } from 'fastify';

const MAPPED = /^::ffff:(?=\d+\.)/i;

/** @param list Addresses and networks, such as `10.0.0.0/8`, which are valid. */
export function trustedProxies(list: readonly string[]): (address: string) => boolean {
  const known = new BlockList();
  for (const entry of list) {
    const [address = '', prefix] = entry.split('/');
    const family = familyOf(address);
    if (prefix === undefined) known.addAddress(address, family);
    else known.addSubnet(address, Number(prefix), family);
  }
  return (address) => {
    const plain = address.replace(MAPPED, '');
    return known.check(plain, familyOf(plain));
  };
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIPv6(address) ? 'ipv6' : 'ipv4';
}

/** Some proxies name the port too. With it each connection would be of somebody else. */
export function leaveOutPorts(app: FastifyInstance): void {
  app.addHook('onRequest', (request, _reply, done) => {
    const { headers } = request.raw;
    const forwarded = headers['x-forwarded-for'];
    if (forwarded !== undefined)
      headers['x-forwarded-for'] = String(forwarded).split(',').map(withoutPort).join(',');
    done();
  });
}

/** Of `192.0.2.1:5678` and `[2001:db8::1]:5678` the address. */
function withoutPort(address: string): string {
  const [, v6, v4] = /^\s*(?:\[([\da-f:.]+)\](?::\d+)?|([\d.]+):\d+)\s*$/i.exec(address) ?? [];
  return v6 ?? v4 ?? address;
}
