/** Tokens and pre-signed URLs travel to Atlas: plain http only where it never leaves the machine. */

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;

/** What is wrong with a base URL of Atlas, as the end of a sentence; undefined when it will do. */
export function baseUrlFault(text: string): string | undefined {
  if (!URL.canParse(text)) return 'must be a URL such as https://docstream.example.com';
  const url = new URL(text);
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && LOOPBACK.test(url.hostname))) {
    return 'must be https, except on loopback: tokens and pre-signed URLs travel there';
  }
  if (url.username !== '' || url.password !== '') return 'must hold no user name or password';
  if (url.search !== '' || url.hash !== '') return 'must hold no query and no fragment';
  return undefined;
}
