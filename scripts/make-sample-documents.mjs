/**
 * Draws the documents of `examples/documents`: invented persons, impossible numbers, and SPECIMEN
 * across each. The same bytes every time, on every machine with the same zlib.
 * Usage: node scripts/make-sample-documents.mjs [DIRECTORY]
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { aadhaarCard, panCard } from './sample-documents/cards.mjs';
import { encodePdf } from './sample-documents/pdf.mjs';
import { encodePng } from './sample-documents/png.mjs';
import { bankStatement } from './sample-documents/statement.mjs';

const COMMENT = 'Synthetic specimen made by atlas-batch. Shows no real person or number.';
const target = process.argv[2] ?? fileURLToPath(new URL('../examples/documents', import.meta.url));

mkdirSync(target, { recursive: true });
for (const [name, bytes] of Object.entries({
  'pan-card.png': encodePng(panCard(), COMMENT),
  'aadhaar-card.png': encodePng(aadhaarCard(), COMMENT),
  'bank-statement.pdf': encodePdf(bankStatement(), COMMENT),
})) {
  writeFileSync(join(target, name), bytes);
  console.log(`${name} ${bytes.length} bytes`);
}
