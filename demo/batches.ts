/** The batches of the demo: one of every kind of outcome. */
import { readFile } from 'node:fs/promises';
import type { BatchRequest } from '../src/jobs/request/request.js';
import type { S3Simulator } from '../src/simulator/index.js';

export const SCANS_BUCKET = 'kyc-documents';
/** Atlas never gives an extract for a document with this id. */
export const LOST_DOCUMENT = 'lost';

const SAMPLES = ['pan-card.png', 'aadhaar-card.png', 'bank-statement.pdf'] as const;

interface Plan {
  reference: string;
  documents: number;
  /** What the batch shows. */
  shows: string;
}

export const PLANS: readonly Plan[] = [
  { reference: 'loan-8841', documents: 5, shows: 'five documents' },
  { reference: 'loan-8842', documents: 5, shows: 'five documents' },
  { reference: 'loan-8843', documents: 5, shows: 'five documents' },
  { reference: 'kyc-branch-12', documents: 80, shows: 'more than a page of extracts' },
  { reference: 'kyc-archive', documents: 150, shows: 'two uploads, one batch' },
  { reference: 'loan-8844', documents: 5, shows: 'a document that never comes' },
];

/** A batch with documents of every type, for the fields that are shown. */
export const SHOWN_REFERENCE = 'kyc-branch-12';

/** Puts the scans of all batches into S3. */
export async function putScans(s3: S3Simulator): Promise<BatchRequest[]> {
  const scans = await Promise.all(
    SAMPLES.map(async (name) => ({
      name,
      body: await readFile(new URL(`../examples/documents/${name}`, import.meta.url)),
    })),
  );
  return PLANS.map(({ reference, documents, shows }) => ({
    reference,
    productType: 'LOAN_APP',
    documents: Array.from({ length: documents }, (_, index) => {
      const scan = scans[index % scans.length];
      if (!scan) throw new Error('there are no sample documents');
      const isLost = shows === 'a document that never comes' && index === documents - 1;
      const documentId = isLost ? LOST_DOCUMENT : String(index + 1).padStart(3, '0');
      const key = `${reference}/${documentId}-${scan.name}`;
      s3.put(SCANS_BUCKET, key, scan.body);
      return { documentId, bucket: SCANS_BUCKET, key };
    }),
  }));
}
