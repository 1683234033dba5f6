/** Goes through all worlds that follow from the first, each once. */
import type { BatchState, Upload } from '../../../src/jobs/batch-state.js';
import { fromRanges } from '../../../src/jobs/index-ranges.js';
import { nextWorlds, START, type World } from './batch-worlds.js';

export interface Exploration {
  worlds: World[];
  /** For each world, those that it comes from. */
  from: number[][];
}

export function explore(resubmit: boolean, size: number): Exploration {
  const worlds = [{ ...START, size }];
  const from: number[][] = [[]];
  const known = new Map([[keyOf(START), 0]]);
  for (let at = 0; at < worlds.length; at += 1) {
    for (const next of nextWorlds(worlds[at] ?? START, resubmit)) {
      const key = keyOf(next);
      let id = known.get(key);
      if (id === undefined) {
        id = worlds.push(next) - 1;
        known.set(key, id);
        from.push([]);
      }
      from[id]?.push(at);
    }
  }
  return { worlds, from };
}

/** Of each world, whether one of these can follow. */
export function canReach(
  { worlds, from }: Exploration,
  isGoal: (world: World) => boolean,
): boolean[] {
  const reached = worlds.map(isGoal);
  const queue = worlds.flatMap((_, id) => (reached[id] ? id : []));
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    for (const before of from[next] ?? []) {
      if (reached[before]) continue;
      reached[before] = true;
      queue.push(before);
    }
  }
  return reached;
}

/** All of a world that what follows depends on; the two documents are alike. */
function keyOf(world: World): string {
  const { saved, live, failing, cancelled, pastDeadline, attempt, events, finished, orphaned } =
    world;
  const memory = live === null || live === saved ? null : live;
  const documents = [0, 1].map((document) => {
    const key = keyOfDocument(world, saved, document);
    return memory ? `${key}/${keyOfDocument(world, memory, document)}` : key;
  });
  const flags = `${+failing}${+cancelled}${+pastDeadline}${+finished}${+orphaned}${attempt}${events.length}`;
  const states = `${keyOfRun(saved)}|${memory ? keyOfRun(memory) : live === null}`;
  return `${flags}|${states}|${documents.sort().join('|')}`;
}

function keyOfRun({ round, outcome }: BatchState): string {
  return outcome ? `${round}${outcome.status}${outcome.announced}` : `${round}`;
}

function keyOfDocument(world: World, { uploads }: BatchState, document: number): string {
  let key = '';
  for (const [index, upload] of uploads.entries()) {
    const documents = fromRanges(upload.documentIndexes);
    if (!documents.includes(document)) continue;
    const sets = [world.posted, world.refusedByRedis, world.tried];
    const flags = sets.map((indexes) => +indexes.includes(index)).join('');
    const sender = `${world.away[index] ?? ''}${world.receipts[index]?.kind ?? ''}`;
    key += `,${documents.length}${flags}${sender}${upload.state}${restOfKey(upload, world.polls)}`;
  }
  return key;
}

function restOfKey(upload: Upload, polls: World['polls']): string | number {
  switch (upload.state) {
    case 'planned':
    case 'sending':
      return upload.resubmissions;
    case 'sent': {
      const { runs, status } = polls[upload.atlasBatchId] ?? { runs: -1, status: 'none' };
      return `${upload.result?.status}${status}${runs >= upload.expectedPollRuns}`;
    }
    case 'ended':
      return upload.result.status;
    case 'refused':
      return '';
  }
}
