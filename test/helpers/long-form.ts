/** `npm run test:chaos` repeats with so many seeds, and `npm test` has one short case of each. */
export const SEEDS = Number(process.env.CHAOS_SEEDS ?? 1);

/** Whether this is the long form, which waits as long as things last in production. */
export const LONG = SEEDS > 1;
