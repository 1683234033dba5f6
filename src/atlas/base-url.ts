/** Secrets go to Atlas and to the webhook, so plain http is allowed on loopback only. */

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;

/** What is wrong with a base URL of Atlas, as the end of a sentence; undefined when it is valid. */
export function baseUrlIssue(text: string): string | undefined {
  if (!URL.canParse(text)) return 'must be a URL such as https://docstream.example.com';
  const url = new URL(text);
  const issue = transportIssue(url, 'tokens and pre-signed URLs');
  if (issue !== undefined) return issue;
  if (url.search !== '' || url.hash !== '') return 'must hold no query and no fragment';
  return undefined;
}

/** The same for any URL that we send something to. */
export function transportIssue(url: URL, travels: string): string | undefined {
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && LOOPBACK.test(url.hostname))) {
    return `must be https, except on loopback: ${travels} travel there`;
  }
  if (url.username !== '' || url.password !== '') return 'must hold no user name or password';
  return undefined;
}
