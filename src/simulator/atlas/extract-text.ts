/**
 * The raw text of each `file_data`, from seed, document and number of the extract alone: it can
 * be made again whenever it is compared, and nothing of it needs to be kept.
 *
 * The texts are hard on readers on purpose: numbers that a parser of doubles loses, letters of
 * several scripts, escapes, braces and quotes inside strings, uneven white space.
 */
import { type Random, randomFrom, seedFrom } from '../random.js';
import type { DocumentContent } from './document-content.js';

const GIVEN_NAMES = ['Aarav', 'Diya', 'राजेश', 'Zoë', 'Ishaan', 'லட்சுமி', 'Meera', 'O\\u2019Neil'];
const FAMILY_NAMES = ['Sharma', 'Patel', 'कुमार', 'Iyer', "D'Souza", 'Nair', 'Müller', 'Khan'];
const CITIES = [
  'Pune 411001',
  'Kochi {Ernakulam}',
  'दिल्ली',
  'Mumbai [East]',
  'Chennai \\"T Nagar\\"',
];
const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ';

/**
 * The JSON text of one `file_data`: of a PAN card, an Aadhaar card or a bank statement, unless its
 * content says otherwise.
 * @param number The first extract of a document is 0.
 */
export function extractText(
  seed: number,
  productType: string,
  documentId: string,
  number: number,
  content: DocumentContent = {},
): string {
  const random = randomFrom(seedFrom(seedFrom(seed, productType) + number, documentId));
  const drawn = TYPES[Math.floor(random() * TYPES.length)] ?? 'PAN';
  const type = content.type ?? drawn;
  if (content.fields !== undefined) return textOfFields(type, content.fields, content.confidence);
  const score = scoreOf(random, content.confidence);
  if (type === 'PAN') return panText(random, score);
  if (type === 'AADHAAR') return aadhaarText(random, score);
  if (type === 'BANK_STATEMENT') return bankStatementText(random, score);
  return `{"document_type":${JSON.stringify(type)},"name":${field(name(random), score)}}`;
}

const TYPES = ['PAN', 'AADHAAR', 'BANK_STATEMENT'] as const;
const CERTAIN = 1;

/** The fields that a test gives. */
function textOfFields(
  type: string,
  fields: NonNullable<DocumentContent['fields']>,
  confidence = CERTAIN,
): string {
  const members = Object.entries(fields).map(([name, given]) => {
    const { value, confidence: own = confidence } =
      given !== null && typeof given === 'object' ? given : { value: given };
    return [name, { value, confidence_score: own }];
  });
  return JSON.stringify({ document_type: type, ...Object.fromEntries(members) });
}

/** Gives the confidence of one field after the other. */
type Score = () => string;

function scoreOf(random: Random, confidence: number | undefined): Score {
  if (confidence !== undefined) return () => String(confidence);
  return () => (random() < 0.3 ? '1' : `0.${50 + Math.floor(random() * 50)}`);
}

function panText(random: Random, score: Score): string {
  const number = letters(random, 5) + digits(random, 4) + letters(random, 1);
  return (
    `{"document_type":"PAN","name":${field(name(random), score)},` +
    `"father_name":${field(name(random), score)},"date_of_birth":${field(date(random), score)},` +
    `"pan_number":${field(number, score)},"validation":${validation(random, score)}}`
  );
}

function aadhaarText(random: Random, score: Score): string {
  return (
    `{"document_type": "AADHAAR", "name": ${field(name(random), score)}, ` +
    `"date_of_birth": ${field(date(random), score)}, ` +
    `"gender": {"value": "${pick(random, ['MALE', 'FEMALE', 'OTHER'])}", "confidence_score": 1}, ` +
    `"aadhaar_number": ${field(digits(random, 12), score)}, ` +
    `"address": ${field(`12\\/4, ${pick(random, CITIES)}`, score)}, ` +
    `"validation": ${validation(random, score)}}`
  );
}

function bankStatementText(random: Random, score: Score): string {
  const entries = Array.from(
    { length: 1 + Math.floor(random() * 4) },
    () => `{"date":"${date(random)}","amount":${amount(random)},"credit":${random() < 0.5}}`,
  );
  return (
    `{"document_type":"BANK_STATEMENT",\n  "account_holder":${field(name(random), score)},\n` +
    `  "account_number":{"value":${digits(random, 20)},"confidence_score":0.90},\n` +
    `  "opening_balance":{"value":1.10,"confidence_score":1},"closing_balance":${amount(random)},\n` +
    `  "transactions":[${entries.join(', ')}],"remark":null,"validation":${validation(random, score)}}`
  );
}

/** Every type has one: nested, with the numbers that doubles lose. */
function validation(random: Random, score: Score): string {
  return (
    `{"valid":true,"reference":${digits(random, 20)},"weight":1.10,"tolerance":1E-7,` +
    `"checks":[{"name":"format","score":1.0},{"name":"checksum","score":${score()}}]}`
  );
}

function field(value: string, score: Score): string {
  return `{"value":"${value}","confidence_score":${score()}}`;
}

function name(random: Random): string {
  return `${pick(random, GIVEN_NAMES)} ${pick(random, FAMILY_NAMES)}`;
}

function date(random: Random): string {
  const day = String(1 + Math.floor(random() * 28)).padStart(2, '0');
  const month = String(1 + Math.floor(random() * 12)).padStart(2, '0');
  return `${day}/${month}/${1950 + Math.floor(random() * 55)}`;
}

function amount(random: Random): string {
  return `${Math.floor(random() * 100_000)}.${Math.floor(random() * 10)}0`;
}

function digits(random: Random, length: number): string {
  let text = String(1 + Math.floor(random() * 9));
  while (text.length < length) text += Math.floor(random() * 10);
  return text;
}

function letters(random: Random, length: number): string {
  let text = '';
  while (text.length < length) text += LETTERS.charAt(Math.floor(random() * LETTERS.length));
  return text;
}

function pick(random: Random, list: readonly string[]): string {
  return list[Math.floor(random() * list.length)] ?? '';
}
