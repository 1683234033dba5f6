/** Goes through all worlds that follow from the first, each once. */
import { fromRanges } from '../../../src/jobs/index-ranges.js';
import type { BatchState, Upload } from '../../../src/jobs/state/batch-state.js';
import { memberOf } from '../../../src/workers/batch/gate-members.js';
import { nextWorlds } from './next-worlds.js';
import { OWNER, START, type World } from './world.js';

export interface Exploration {
  worlds: World[];
  /** Of each step, the world that it leads from. Flat lists: there are half a million steps. */
  from: number[];
  /** And the one that it leads to. */
  to: number[];
}

export function explore(resubmit: boolean, size: number, isGated: boolean): Exploration {
  const gate = isGated ? { inFlight: [], line: [] } : null;
  const worlds: World[] = [{ ...START, size, gate }];
  const from: number[] = [];
  const to: number[] = [];
  const found = new Map([[keyOf(worlds[0] ?? START), 0]]);
  for (let at = 0; at < worlds.length; at += 1) {
    for (const next of nextWorlds(worlds[at] ?? START, resubmit)) {
      const key = keyOf(next);
      let id = found.get(key);
      if (id === undefined) {
        id = worlds.push(next) - 1;
        found.set(key, id);
      }
      from.push(at);
      to.push(id);
    }
  }
  return { worlds, from, to };
}

/** Of each world, whether one of these can follow. */
export function canReach(
  { worlds, from, to }: Exploration,
  isGoal: (world: World) => boolean,
): boolean[] {
  // The steps that lead to a world, as a linked list.
  const lastStep = new Int32Array(worlds.length).fill(-1);
  const stepBefore = new Int32Array(to.length);
  for (const [step, world] of to.entries()) {
    stepBefore[step] = lastStep[world] ?? -1;
    lastStep[world] = step;
  }
  const reached = worlds.map(isGoal);
  const queue = worlds.flatMap((_, id) => (reached[id] ? id : []));
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    for (let step = lastStep[next] ?? -1; step >= 0; step = stepBefore[step] ?? -1) {
      const before = from[step] ?? 0;
      if (reached[before]) continue;
      reached[before] = true;
      queue.push(before);
    }
  }
  return reached;
}

/**
 * All of a world that what follows depends on; the two documents are alike, and an outcome that is saved
 * stays whatever the outside wants.
 */
function keyOf(world: World): string {
  const { saved, live, failing, cancelled, pastDeadline, attempt, events, finished, orphaned } =
    world;
  if (world.erased) return `erased ${Object.keys(world.away)}`;
  const memory = live === null || live === saved ? null : live;
  const [first, second] = keysOfDocuments(world, saved, memory);
  const wanted = saved.outcome ? '' : `${+cancelled}${+pastDeadline}`;
  const late = `${+(saved.late ?? false)}${+(saved.lateSince !== undefined)}`;
  const flags = `${+failing}${wanted}${+finished}${+orphaned}${attempt}${events.length}${late}`;
  const states = `${keyOfRun(saved)}|${memory ? keyOfRun(memory) : live === null}`;
  return `${flags}|${states}|${first < second ? `${first}|${second}` : `${second}|${first}`}`;
}

function keyOfRun({ round, outcome }: BatchState): string {
  return outcome ? `${round}${outcome.status}${outcome.announced}` : `${round}`;
}

function keysOfDocuments(
  world: World,
  saved: BatchState,
  memory: BatchState | null,
): [string, string] {
  const keys: [string, string] = ['', ''];
  addUploads(keys, world, saved);
  if (memory === null) return keys;
  keys[0] += '/';
  keys[1] += '/';
  addUploads(keys, world, memory);
  return keys;
}

function addUploads(keys: [string, string], world: World, { uploads }: BatchState): void {
  const { posted, refusedByRedis, tried, away, receipts, polls, gate } = world;
  for (const [index, upload] of uploads.entries()) {
    const { documents, key, member } = ofUpload(upload);
    const place = gate && placeOf(gate, member);
    const flags = `${place ?? ''}${+posted.includes(index)}${+refusedByRedis.includes(index)}${+tried.includes(index)}`;
    const sender = `${away[index] ?? ''}${receipts[index]?.kind ?? ''}`;
    const whole = `,${flags}${sender}${key}${upload.state === 'sent' ? keyOfPoll(upload, polls) : ''}`;
    for (const document of documents) keys[document as 0 | 1] += whole;
  }
}

function placeOf({ inFlight, line }: NonNullable<World['gate']>, member: string): string {
  if (inFlight.includes(member)) return 'f';
  return line.includes(member) ? 'l' : '-';
}

/** What an upload says by itself; uploads are never changed, and are shared by many worlds. */
interface UploadAlone {
  documents: number[];
  key: string;
  /** Its name at the gate. */
  member: string;
}

const known = new WeakMap<Upload, UploadAlone>();

function ofUpload(upload: Upload): UploadAlone {
  let found = known.get(upload);
  if (found === undefined) {
    const documents = fromRanges(upload.documentIndexes);
    const rest = 'result' in upload ? upload.result?.status : '';
    const consent = upload.state === 'sending' && upload.consented ? 'consented' : '';
    const key = `${documents.length}${upload.state}${consent}${resubmissionsOf(upload)}${rest}`;
    found = { documents, key, member: memberOf(OWNER, upload) };
    known.set(upload, found);
  }
  return found;
}

/** Once it was sent, or refused, they lead to nothing more. */
function resubmissionsOf({ state, resubmissions }: Upload): number | string {
  return state === 'planned' || state === 'sending' ? resubmissions : '';
}

function keyOfPoll(
  { atlasBatchId, expectedPollRuns }: Extract<Upload, { state: 'sent' }>,
  polls: World['polls'],
): string {
  const { runs, status } = polls[atlasBatchId] ?? { runs: -1, status: 'none' };
  return `${status}${Math.max(0, expectedPollRuns - runs)}`;
}
