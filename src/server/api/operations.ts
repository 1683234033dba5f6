/** All operations of the API: its routes and its document are made of them. */
import type { Operation } from './operation.js';
import { addBatch } from './operations/add-batch.js';
import { addMany } from './operations/add-many.js';
import { cancel, retry } from './operations/change-batch.js';
import { eraseOperation } from './operations/erase-batch.js';
import { followEvents } from './operations/follow-events.js';
import { listOperation } from './operations/list-batches.js';
import { readBatch } from './operations/read-batch.js';
import { readResults } from './operations/read-results.js';

export const OPERATIONS: readonly Operation[] = [
  addBatch,
  addMany,
  readBatch,
  listOperation,
  readResults,
  cancel,
  retry,
  eraseOperation,
  followEvents,
];
