/** Two pages of a bank statement, of an account that does not exist. */
import { draw, PAGE } from './pdf.mjs';

const LEFT = 50;
const COLUMNS = { date: LEFT + 4, text: 130, amount: 360, balance: 460 };
const ROW_HEIGHT = 20;
const FIRST_ROW = 606;
const OPENING_BALANCE = 84_210.5;

/** Day, what for, rupees: negative is paid out. */
const TRANSACTIONS = /** @type {const} */ ([
  ['01/10/2026', 'NEFT salary, Example Works', 92_000],
  ['02/10/2026', 'UPI grocery store', -1_284.75],
  ['03/10/2026', 'Rent, October', -24_500],
  ['05/10/2026', 'ATM cash', -5_000],
  ['06/10/2026', 'UPI pharmacy', -642.1],
  ['08/10/2026', 'Electricity board', -2_310.4],
  ['09/10/2026', 'IMPS from R. Specimen', 1.1],
  ['11/10/2026', 'Fuel station', -2_000],
  ['12/10/2026', 'Mobile plan', -399],
  ['14/10/2026', 'UPI restaurant', -860.25],
  ['15/10/2026', 'Mutual fund, monthly', -10_000],
  ['17/10/2026', 'School fees', -12_750],
  ['18/10/2026', 'UPI book shop', -745.5],
  ['20/10/2026', 'Interest', 318.42],
  ['21/10/2026', 'Insurance premium', -4_890],
  ['23/10/2026', 'UPI grocery store', -1_975.6],
  ['24/10/2026', 'Train tickets', -1_462],
  ['26/10/2026', 'IMPS to D. Specimen', -3_000],
  ['27/10/2026', 'Refund, online shop', 1_299],
  ['28/10/2026', 'Water board', -512.3],
  ['29/10/2026', 'UPI taxi', -348],
  ['30/10/2026', 'Card payment', -6_215.85],
  ['31/10/2026', 'ATM cash', -4_000],
  ['31/10/2026', 'Account charges', -17.7],
]);
const ROWS_PER_PAGE = 16;

/** @param {number} rupees */
const money = (rupees) =>
  rupees.toLocaleString('en-IN', { minimumFractionDigits: 2, maximumFractionDigits: 2 });

/** @param {number} row counted from 0 on each page @returns {number} its base line */
const rowAt = (row) => FIRST_ROW - row * ROW_HEIGHT;

/** @param {number} page @param {number} pages */
function head(page, pages) {
  return [
    draw.watermark(96, 'SPECIMEN'),
    draw.box(0, PAGE.height - 84, PAGE.width, 84, '0.14 0.29 0.48'),
    '1 1 1 rg',
    draw.text(LEFT, PAGE.height - 44, 20, 'Example Bank', 'F2'),
    draw.text(LEFT, PAGE.height - 64, 10, 'Synthetic sample: no such bank, person or account'),
    draw.text(470, PAGE.height - 64, 10, `Page ${page} of ${pages}`),
    '0.12 0.15 0.23 rg',
    draw.text(LEFT, 720, 14, 'Statement of account', 'F2'),
    draw.text(
      LEFT,
      698,
      10,
      'Account holder: Ananya Specimen, 12 Nowhere Street, Sample Town 000000',
    ),
    draw.text(LEFT, 682, 10, 'Account number: 00000000000000000042     IFSC: XMPL0000000'),
    draw.text(LEFT, 666, 10, 'Period: 01/10/2026 to 31/10/2026'),
    draw.box(LEFT, 628, PAGE.width - 2 * LEFT, 22, '0.86 0.90 0.95'),
    draw.text(COLUMNS.date, 635, 10, 'Date', 'F2'),
    draw.text(COLUMNS.text, 635, 10, 'Description', 'F2'),
    draw.text(COLUMNS.amount + 25, 635, 10, 'Amount', 'F2'),
    draw.text(COLUMNS.balance + 25, 635, 10, 'Balance', 'F2'),
  ];
}

/** @returns {readonly (readonly string[])[]} the operators of each page */
export function bankStatement() {
  const pages = Math.ceil(TRANSACTIONS.length / ROWS_PER_PAGE);
  let balance = OPENING_BALANCE;
  return Array.from({ length: pages }, (_, page) => {
    const rows = TRANSACTIONS.slice(page * ROWS_PER_PAGE, (page + 1) * ROWS_PER_PAGE);
    const stripes = rows.flatMap((_, i) =>
      i % 2 === 1
        ? [draw.box(LEFT, rowAt(i) - 6, PAGE.width - 2 * LEFT, ROW_HEIGHT, '0.96 0.97 0.98')]
        : [],
    );
    const lines = rows.flatMap(([date, text, rupees], i) => {
      balance += rupees;
      return [
        draw.text(COLUMNS.date, rowAt(i), 10, date),
        draw.text(COLUMNS.text, rowAt(i), 10, text),
        draw.text(COLUMNS.amount, rowAt(i), 10, money(rupees).padStart(11), 'F3'),
        draw.text(COLUMNS.balance, rowAt(i), 10, money(balance).padStart(11), 'F3'),
      ];
    });
    const closing = `Closing balance: ${money(balance)}`;
    return [
      ...stripes,
      ...head(page + 1, pages),
      ...lines,
      ...(page === pages - 1
        ? [draw.text(COLUMNS.amount, rowAt(rows.length) - 14, 11, closing, 'F2')]
        : []),
    ];
  });
}
