/** What one entry of a poll job carries from function to function. */
import type { PollData, PollState } from '../../jobs/state/poll-state.js';
import type { LuaPart } from '../../redis/lua-script.js';
import type { StepEntry } from '../runtime/run-step.js';
import type { ObservedPoll } from './observe.js';

export type PollEntry = StepEntry<PollData, PollState> &
  ObservedPoll & {
    /** How much more time its batch was given, in ms. */
    extendedMs: number;
    /** What is noted with the end of the job, as `storeResult` returns it; null before a result is stored. */
    stored: LuaPart | null;
  };

interface PagingConfig {
  config: { ATLAS_EXTRACTS_PER_PAGE: number };
}

/** How long the batch may take: as configured, and what it was given beyond. */
export function deadlineMsOf({ context, extendedMs }: PollEntry): number {
  return context.config.BATCH_DEADLINE_MS + extendedMs;
}

/** Extracts asked for at once: as configured, or fewer where that was too large. */
export function perPageOf({ config }: PagingConfig, state: PollState): number {
  const { ATLAS_EXTRACTS_PER_PAGE: configured } = config;
  return Math.min(configured, state.perPage ?? configured);
}

/** How the next poll reads, after what earlier ones have shown. */
export function pagingOf(context: PagingConfig, state: PollState) {
  const perPage = perPageOf(context, state);
  return { before: state.seen, perPage, single: state.perPage === 1 };
}
