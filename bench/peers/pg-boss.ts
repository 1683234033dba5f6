/** What the contender in pg-boss and who measures it share. */

export const BATCHES = 'batches';
export const POLLS = 'polls';
export const COMPLETIONS = 'completions';
/** Jobs of one fetch, and of one insert. */
export const FETCHED_AT_ONCE = 500;

/** Variables of its environment. */
export const POSTGRES_URL = 'PEER_POSTGRES_URL';
export const S3_BY = 'PEER_S3';
