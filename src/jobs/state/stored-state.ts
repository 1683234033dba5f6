/**
 * What is stored of the state of a batch. Fields that hold what they hold in most batches are left out:
 * together they were a third of it, and a batch that sleeps has it in memory for as long. Pure.
 */

/** What most batches hold. These values never change: what is stored already was left out for them. */
const USUAL = { startedAtAttempt: 0, stallsBefore: 0, outcomes: 0, unexpectedErrors: 0 };
/** What most uploads hold that are at Atlas. */
const USUAL_OF_SENT = { scoped: false, expectedPollRuns: 1, result: null };

type Fields = Record<string, unknown>;

/** The state as it is stored; those of other kinds of job as they are. */
export function toStored(state: object): object {
  return mapBatch(state, withoutUsual);
}

/** The state that was stored, in whole or without what is usual. */
export function fromStored(stored: object): object {
  return mapBatch(stored, (fields, usual) => ({ ...usual, ...fields }));
}

function mapBatch(state: object, map: (fields: Fields, usual: Fields) => Fields): object {
  if (!('uploads' in state) || !Array.isArray(state.uploads)) return state;
  const uploads = state.uploads.map((upload: Fields) =>
    upload.state === 'sent' ? map(upload, USUAL_OF_SENT) : upload,
  );
  return map({ ...state, uploads }, USUAL);
}

function withoutUsual(fields: Fields, usual: Fields): Fields {
  const said: Fields = {};
  for (const name of Object.keys(fields)) {
    if (usual[name] !== fields[name]) said[name] = fields[name];
  }
  return said;
}
