/** The document of the API as a page. It loads nothing: no script, and its style is in it. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { html, Markup } from '../html.js';
import { pageHead } from '../page-head.js';
import {
  API_PATH,
  type DescribedOperation,
  type DescribedResponse,
  type OpenApiDocument,
} from './openapi.js';

/** Beside this file in `src` and, copied by the build, in `dist`. */
const STYLE = readFileSync(new URL('./assets/reference.css', import.meta.url), 'utf8');
const STYLE_HASH = createHash('sha256').update(STYLE).digest('base64');

/** Allows the style in the page, and nothing else. */
export const REFERENCE_POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${STYLE_HASH}'`,
  'img-src data:',
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** Links are without `BASE_PATH`, as in all pages; routes are as the document has them below its server. */
export function referencePage({ info, paths, components, servers }: OpenApiDocument): string {
  const base = servers[0].url.replace(/\/$/, '');
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      path: base + path,
      method,
      operation,
    })),
  );
  const schemas = Object.entries(components.schemas);
  const links = html`<link rel="icon" href="data:,">
<style>${new Markup(STYLE)}</style>`;
  return html`${pageHead('API · atlas-batch', links)}<body>
<header>
<h1>The HTTP API of atlas-batch</h1>
<p>${info.description}</p>
<p>Version ${info.version}. The same for programs: <a href="${API_PATH}/openapi.json">openapi.json</a>, OpenAPI 3.1.
Every request has a header <code>Authorization: Bearer</code> with a token.</p>
</header>
<nav aria-label="Contents"><ul>
${operations.map(({ path, method, operation }) => html`<li><a href="#${operation.operationId}"><b>${method.toUpperCase()}</b> ${path}</a></li>`)}
</ul></nav>
<main>
<h2>Operations</h2>
${operations.map(section)}
<h2>Schemas</h2>
${schemas.map(([name, schema]) => html`<section id="schema-${name}"><h3>${name}</h3>${schemaOf(schema)}</section>`)}
</main>
</body>
</html>
`.text;
}

interface Section {
  path: string;
  method: string;
  operation: DescribedOperation;
}

function section({ path, method, operation }: Section): Markup {
  const { operationId, summary, description, parameters, requestBody, responses } = operation;
  return html`<section id="${operationId}">
<h3>${summary}</h3>
<p class="route"><b>${method.toUpperCase()}</b> <code>${path}</code></p>
<p>${inline(description)}</p>
${
  parameters.length > 0 &&
  html`<table><caption>Parameters</caption><tbody>${parameters.map(
    (one) =>
      html`<tr><th scope="row"><code>${one.name}</code> <small>${one.in}${one.required && ', required'}</small></th><td>${one.description}</td></tr>`,
  )}</tbody></table>`
}
${requestBody && html`<table><caption>Body</caption><tbody><tr><th scope="row">${contentOf(requestBody.content)}</th><td>${requestBody.description}${!requestBody.required && ' It may be left out.'}</td></tr></tbody></table>`}
<table><caption>Responses</caption><tbody>${Object.entries(responses).map(responseRow)}</tbody></table>
</section>
`;
}

function responseRow([status, { description, content }]: [string, DescribedResponse]): Markup {
  return html`<tr><th scope="row">${status} ${content && contentOf(content)}</th><td>${inline(description)}</td></tr>`;
}

function contentOf(content: Record<string, { schema: unknown }>): Markup {
  const [[type, { schema }] = ['', { schema: {} }]] = Object.entries(content);
  const { 'x-item-schema': item } = Object(schema);
  return html`<code>${type}</code> ${nameOf(item ?? schema)}`;
}

/** A link to the schema that is referred to; nothing for others. */
function nameOf(schema: unknown): Markup | null {
  const { $ref } = Object(schema);
  if (typeof $ref !== 'string') return null;
  const name = $ref.split('/').at(-1) ?? '';
  return html`<a href="#schema-${name}">${name}</a>`;
}

function schemaOf(schema: unknown): Markup {
  return html`<pre tabindex="0">${JSON.stringify(schema, null, 2)}</pre>`;
}

/** Code between backticks. */
function inline(text: string): Markup[] {
  return text
    .split('`')
    .map((part, index) => (index % 2 === 1 ? html`<code>${part}</code>` : html`${part}`));
}
