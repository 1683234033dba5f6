/** The URL that the routes of Atlas's API are below. */
import { transportIssue } from '../http/transport-issue.js';

/** What is wrong with a base URL of Atlas, as the end of a sentence; undefined when it is valid. */
export function baseUrlIssue(text: string): string | undefined {
  if (!URL.canParse(text)) return 'must be a URL such as https://docstream.example.com';
  const url = new URL(text);
  const issue = transportIssue(url, 'tokens and pre-signed URLs');
  if (issue !== undefined) return issue;
  if (url.search !== '' || url.hash !== '') return 'must hold no query and no fragment';
  return undefined;
}
