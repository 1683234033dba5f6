/** The report that the demo prints at its end. */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { formatTable } from '../src/cli/output/table.js';
import { paint } from '../src/cli/output/terminal.js';
import type { AtlasBatchClient } from '../src/client/atlas-batch-client.js';
import { type DocumentExtract, field } from '../src/client/extract.js';
import { seconds } from '../src/duration.js';
import type { BatchSummary } from '../src/jobs/summary.js';
import type { S3Simulator } from '../src/simulator/index.js';
import { OUTPUT, RESULTS_BUCKET } from './stage.js';

const FIELDS_SHOWN = 3;

export function summaryTable(
  summaries: readonly BatchSummary[],
  events: ReadonlyMap<string, string>,
): string[] {
  // Without the polls, or it would wrap at 80 columns.
  const head = ['reference', 'status', 'documents', 'uploads', 'time', 'event'];
  const rows = summaries.map((summary) => {
    const { reference, status, documents, batchIds, reason } = summary;
    return [
      reference ?? '',
      paint(
        status === 'completed' ? 'green' : 'red',
        reason ? `${status}: ${reason.code}` : status,
      ),
      `${documents.present}/${documents.total}`,
      String(batchIds.length),
      seconds(Date.parse(summary.completedAt) - Date.parse(summary.submittedAt ?? '')),
      events.get(reference ?? '') ?? 'none',
    ];
  });
  const [title = '', ...lines] = formatTable([head, ...rows], [2, 3, 4]);
  return [paint('bold', title), ...lines];
}

/** A few fields of one document of each type in a batch. The persons are invented. */
export async function sampleFields(client: AtlasBatchClient, reference: string): Promise<string[]> {
  const rows = new Map<string, string[][]>();
  for await (const { documentId, extracts } of client.results(reference)) {
    for (const extract of extracts) {
      const type = extract.document_type;
      if (rows.has(type)) continue;
      const fields = Object.keys(extract).flatMap((name) => fieldRow(extract, name));
      const labels = (i: number) => (i === 0 ? [documentId, type] : ['', '']);
      rows.set(
        type,
        fields.slice(0, FIELDS_SHOWN).map((cells, i) => [...labels(i), ...cells]),
      );
    }
  }
  return formatTable([...rows.values()].flat());
}

/** Name, value and confidence of a plain field. Empty for other fields. */
function fieldRow(extract: DocumentExtract, name: string): string[][] {
  const { value, confidence } = field(extract, name) ?? {};
  if (typeof value !== 'string' || typeof confidence !== 'number') return [];
  return [[name, value, paint('gray', `confidence ${confidence.toFixed(2)}`)]];
}

/** Copies the results objects out of the simulated S3, for people to read. */
export async function saveResults(s3: S3Simulator): Promise<number> {
  const keys = s3.list(RESULTS_BUCKET);
  for (const key of keys) {
    const file = join(OUTPUT, 'results', key);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, s3.get(RESULTS_BUCKET, key)?.body ?? '');
  }
  return keys.length;
}
