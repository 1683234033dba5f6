/** Names under `.localhost` are this machine (RFC 6761), also where the resolver does not say so. */
import { lookup } from 'node:dns';
import type { LookupFunction } from 'node:net';

export const loopbackLookup: LookupFunction = (hostname, options, callback) => {
  const name = hostname.endsWith('.localhost') ? '127.0.0.1' : hostname;
  lookup(name, options, callback);
};
