import fc from 'fast-check';

export const ODD_KEYS = [
  'plain.jpg',
  'a b+c%20d&e=f?g#h',
  'quotes\'"()!*~',
  'ü/漢字/😀.pdf',
  '/leading//double/',
  '../up/./here/..',
  '\u0000\n\u001f\u007f',
  'x'.repeat(1024),
  '{Key}$`|\\^[];:@,<>',
];

const odd = fc.string({
  unit: fc.oneof(
    fc.constantFrom(...'/.+% \'"&?=#~*()!\\'),
    fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
  ),
  minLength: 1,
  maxLength: 40,
});

/** Keys that a URL must quote, above all. */
export const keys = fc.oneof(fc.constantFrom(...ODD_KEYS), odd);
