/** What is left of a batch that was erased: the certificate, on the page that answers the erase. Pure. */
import { describeCertificate } from '../../../batches/erase/describe-certificate.js';
import type { ErasureCertificate } from '../../../batches/erase/erase-batch.js';
import { html } from '../../html.js';
import { BATCHES_PATH } from '../dashboard-path.js';
import { type Frame, page } from '../frame/layout.js';

/** Nothing is redirected to: an address that says that something is erased would be believed from anybody. */
export function erasedPage(
  frame: Pick<Frame, 'system' | 'operator'>,
  certificate: ErasureCertificate,
): string {
  const facts = describeCertificate(certificate).map(
    ([name, text]) => html`<dt>${name}</dt><dd class="mono">${text}</dd>`,
  );
  return page(
    // Read again it would be erased again.
    { ...frame, title: 'Erased', refreshSeconds: 0 },
    html`<div class="head"><div>
<a class="back" href="${BATCHES_PATH}">← Batches</a>
<h1>It is erased.</h1>
<p>Keep the certificate, which names nobody: it is shown once, and in the audit log.</p>
</div></div>
<section class="card"><h2>Certificate</h2><dl class="facts">${facts}</dl></section>`,
  );
}
