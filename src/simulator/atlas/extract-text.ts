/**
 * The raw text of each `file_data`, from seed, document and number of the extract alone: it can
 * be made again whenever it is compared, and nothing of it needs to be kept.
 *
 * The texts are hard on readers on purpose: numbers that a parser of doubles loses, letters of
 * several scripts, escapes, braces and quotes inside strings, uneven white space.
 */
import { type Random, randomFrom, seedFrom } from '../random.js';

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
 * The JSON text of one `file_data`: of a PAN card, an Aadhaar card or a bank statement.
 * @param number The first extract of a document is 0.
 */
export function extractText(
  seed: number,
  productType: string,
  documentId: string,
  number: number,
): string {
  const random = randomFrom(seedFrom(seedFrom(seed, productType) + number, documentId));
  const kind = Math.floor(random() * 3);
  if (kind === 0) return panText(random);
  return kind === 1 ? aadhaarText(random) : bankStatementText(random);
}

function panText(random: Random): string {
  const number = letters(random, 5) + digits(random, 4) + letters(random, 1);
  return (
    `{"document_type":"PAN","name":${field(name(random), random)},` +
    `"father_name":${field(name(random), random)},"date_of_birth":${field(date(random), random)},` +
    `"pan_number":${field(number, random)},"validation":${validation(random)}}`
  );
}

function aadhaarText(random: Random): string {
  return (
    `{"document_type": "AADHAAR", "name": ${field(name(random), random)}, ` +
    `"date_of_birth": ${field(date(random), random)}, ` +
    `"gender": {"value": "${pick(random, ['MALE', 'FEMALE', 'OTHER'])}", "confidence_score": 1}, ` +
    `"aadhaar_number": ${field(digits(random, 12), random)}, ` +
    `"address": ${field(`12\\/4, ${pick(random, CITIES)}`, random)}, ` +
    `"validation": ${validation(random)}}`
  );
}

function bankStatementText(random: Random): string {
  const entries = Array.from(
    { length: 1 + Math.floor(random() * 4) },
    () => `{"date":"${date(random)}","amount":${amount(random)},"credit":${random() < 0.5}}`,
  );
  return (
    `{"document_type":"BANK_STATEMENT",\n  "account_holder":${field(name(random), random)},\n` +
    `  "account_number":{"value":${digits(random, 20)},"confidence_score":0.90},\n` +
    `  "opening_balance":{"value":1.10,"confidence_score":1},"closing_balance":${amount(random)},\n` +
    `  "transactions":[${entries.join(', ')}],"remark":null,"validation":${validation(random)}}`
  );
}

/** Every type has one: nested, with the numbers that doubles lose. */
function validation(random: Random): string {
  return (
    `{"valid":true,"reference":${digits(random, 20)},"weight":1.10,"tolerance":1E-7,` +
    `"checks":[{"name":"format","score":1.0},{"name":"checksum","score":${score(random)}}]}`
  );
}

function field(value: string, random: Random): string {
  return `{"value":"${value}","confidence_score":${score(random)}}`;
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

function score(random: Random): string {
  return random() < 0.3 ? '1' : `0.${50 + Math.floor(random() * 50)}`;
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
