/** Secrets travel in our requests, so plain http is allowed on loopback only. */

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;

/** What is wrong with a URL that we send something to, as the end of a sentence. */
export function transportIssue(url: URL, travels: string): string | undefined {
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && LOOPBACK.test(url.hostname))) {
    return `must be https, except on loopback: ${travels} travel there`;
  }
  if (url.username !== '' || url.password !== '') return 'must hold no user name or password';
  return undefined;
}
