/** What every page begins with, up to its body. Pure. */
import { html, type Markup } from './html.js';

/** @param links Its icon and its style. */
export function pageHead(title: string, links: Markup): Markup {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
${links}
</head>
`;
}
