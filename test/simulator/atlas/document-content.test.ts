import { expect, it } from 'vitest';
import { contentByName, fileNameOf } from '../../../src/simulator/atlas/document-content.js';
import { startAtlasSimulator } from '../../../src/simulator/index.js';
import { ids, startAtlas } from './atlas-caller.js';

const urlsOf = (...names: string[]) =>
  names.map((name) => `http://127.0.0.1:9/kyc/${name}?X-Amz=1`);

it.each([
  ['aadhaar-card.png', 'AADHAAR'],
  ['Aadhar front.JPG', 'AADHAAR'],
  ['pan.jpg', 'PAN'],
  ['PAN_2.pdf', 'PAN'],
  ['panCard.png', 'PAN'],
  ['bank-statement.pdf', 'BANK_STATEMENT'],
  ['BankDetails.pdf', 'BANK_STATEMENT'],
])('the name %s says that the document is a %s', (name, type) => {
  expect(contentByName(name)).toEqual({ type });
});

it.each(['001.jpg', 'company.pdf', 'expand.pdf', 'banking', ''])(
  'the name %j says nothing',
  (name) => {
    expect(contentByName(name)).toBeUndefined();
  },
);

it.each([
  ['https://s3/kyc/8841/pan%20card.jpg?X-Amz-Signature=a/b', 'pan card.jpg'],
  ['https://s3/kyc/100%.jpg', '100%.jpg'],
  ['https://s3/kyc/folder/', ''],
])('the name of the file at %s is %j', (url, name) => {
  expect(fileNameOf(url)).toBe(name);
});

it('a document is of the type that the name of its file says, every extract of it', async () => {
  const { atlas, caller } = await startAtlas({ extractsPerDocument: () => 2 });
  const names = ['aadhaar-card.png', 'pan.jpg', 'statement.pdf'];
  const { body } = await caller.upload(ids(3), { urls: urlsOf(...names) });
  const types = atlas
    .truth(body.batch_id)
    .map(({ extracts }) => extracts.map((raw) => JSON.parse(raw).document_type));
  expect(types).toEqual([
    ['AADHAAR', 'AADHAAR'],
    ['PAN', 'PAN'],
    ['BANK_STATEMENT', 'BANK_STATEMENT'],
  ]);
});

it('a test says what a document holds, which never comes, and which fails', async () => {
  const { atlas, caller } = await startAtlas({
    documents: {
      '001': {
        type: 'PASSPORT',
        fields: { name: 'Asha Rao', number: { value: 'K1234567', confidence: 0.42 } },
        confidence: 0.9,
      },
      '002': 'never',
      '003': 'fails',
      'pan.jpg': { confidence: 0.25 },
      both: [
        { type: 'PAN', fields: {} },
        { type: 'AADHAAR', fields: {} },
      ],
    },
    completionMs: 0,
  });
  const { body } = await caller.upload([...ids(4), 'loan-1/both'], {
    urls: urlsOf('1.jpg', '2.jpg', '3.jpg', 'pan.jpg', '5.pdf'),
  });
  const page = (await caller.extracts(body.batch_id)).body;
  const [first, failed, pan, ...both] = page.data;
  expect(first).toEqual({
    document_id: '001',
    file_data: {
      document_type: 'PASSPORT',
      name: { value: 'Asha Rao', confidence_score: 0.9 },
      number: { value: 'K1234567', confidence_score: 0.42 },
    },
  });
  expect(failed).toEqual({ document_id: '003' });
  expect(pan).toMatchObject({
    document_id: '004',
    file_data: { document_type: 'PAN', pan_number: { confidence_score: 0.25 } },
  });
  expect(both.map(({ file_data }) => file_data)).toEqual([
    { document_type: 'PAN' },
    { document_type: 'AADHAAR' },
  ]);
  expect(page).toMatchObject({ total_items: 5, has_next: false });
  const truth = new Map(
    atlas.truth(body.batch_id).map(({ documentId, extracts }) => [documentId, extracts.length]),
  );
  expect(Object.fromEntries(truth)).toEqual({
    '001': 1,
    '002': 0,
    '003': 0,
    '004': 1,
    'loan-1/both': 2,
  });
});

it('what documents hold can be a function of the document', async () => {
  const { atlas, caller } = await startAtlas({
    documents: ({ index, fileName, productType }) =>
      index === 0 ? { fields: { fileName, productType } } : undefined,
  });
  const { body } = await caller.upload(ids(2), { urls: urlsOf('pan.jpg', 'pan.jpg') });
  const [first, second] = atlas
    .truth(body.batch_id)
    .map(({ extracts }) => JSON.parse(extracts[0] ?? ''));
  expect(first).toMatchObject({
    fileName: { value: 'pan.jpg' },
    productType: { value: 'LOAN_APP' },
  });
  expect(second).toMatchObject({ document_type: 'PAN', pan_number: {} });
});

it.each([
  [{ pan: 'nver' }, /what is said of pan is not 'never', 'fails'/],
  [{ pan: { type: 'PAN', confidence: 2 } }, /what is said of pan/],
  [{ pan: { kind: 'PAN' } }, /what is said of pan/],
  [{ pan: [] }, /what is said of pan/],
  [{ pan: null }, /what is said of pan/],
  [[], /^documents: they are an object with their names, such as/],
  [[{ type: 'PAN' }], /^documents: they are an object/],
  [null, /^documents: they are an object/],
  ['pan.jpg', /^documents: they are an object/],
])('documents %j are refused, with what may be said', async (documents, says) => {
  await expect(startAtlasSimulator({ documents: documents as never })).rejects.toThrow(says);
});
