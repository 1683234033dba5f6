import { beforeAll, describe, expect, it } from 'vitest';
import { fromRanges } from '../../../src/jobs/index-ranges.js';
import { resultOf } from '../../../src/jobs/state/batch-state.js';
import { memberOf } from '../../../src/workers/batch/gate-members.js';
import { MAX_RESUBMISSIONS } from '../../../src/workers/batch/upload/upload-transitions.js';
import { LONG } from '../../helpers/long-form.js';
import { canReach, type Exploration, explore } from './explore-worlds.js';
import { MAX_ROUNDS } from './next-worlds.js';
import { OWNER, type World } from './world.js';

/** A quarter of a million worlds, beside tests that take the cores too. */
const EXPLORATION_TIMEOUT_MS = 240_000;

/** The smallest that have both policies and both gates. */
const KINDS = [
  { resubmit: true, policy: 'sent again', size: 1, gate: 'off' },
  { resubmit: false, policy: 'refused', size: 1, gate: 'on' },
];
/** They take as long as all other tests of transitions, and are made of the same steps. */
const LARGE_KINDS = [
  { resubmit: false, policy: 'refused', size: 2, gate: 'off' },
  { resubmit: false, policy: 'refused', size: 2, gate: 'on' },
  { resubmit: true, policy: 'sent again', size: 1, gate: 'on' },
];

describe.each(LONG ? [...KINDS, ...LARGE_KINDS] : KINDS)(
  'a batch whose unknown uploads are $policy, of $size documents each, with the gate $gate',
  (kind) => {
    const { resubmit, size, gate } = kind;
    let exploration: Exploration;
    beforeAll(() => {
      exploration = explore(resubmit, size, gate === 'on');
    }, EXPLORATION_TIMEOUT_MS);

    it('a batch reaches an outcome from every state', () => {
      const reached = canReach(exploration, ({ finished }) => finished);
      expect(reached.indexOf(false)).toBe(-1);
    });

    it('a batch ends every run in exactly one event', () => {
      const kept = exploration.worlds.filter(({ erased }) => !erased);
      const wrong = kept.filter(({ finished, attempt, events, saved }) =>
        finished
          ? events.length !== attempt + 1 || events.at(-1) !== saved.outcome?.eventJobId
          : events.length > attempt + 1,
      );
      expect(wrong).toEqual([]);
    });

    it('a batch that has ended has nothing in flight or in line', () => {
      const wrong = exploration.worlds.filter(
        ({ finished, gate }) => finished && gate && gate.inFlight.length + gate.line.length > 0,
      );
      expect(wrong).toEqual([]);
    });

    it('what is sent of a batch is in flight until its poll has ended', () => {
      const isOut = ({ gate, saved, polls, attempt }: World) =>
        gate !== null &&
        !saved.outcome &&
        saved.uploads.some(
          (upload) =>
            (upload.run ?? 0) === attempt &&
            (upload.state === 'sending' ||
              (upload.state === 'sent' && polls[upload.atlasBatchId]?.runs === 0)) &&
            !gate.inFlight.includes(memberOf(OWNER, upload)),
        );
      expect(exploration.worlds.find(isOut)).toBeUndefined();
    });

    it('a batch whose documents have come late sends nothing, and ends in a second event', () => {
      const late = exploration.worlds.filter(({ saved }) => saved.late);
      expect(late.length).toBeGreaterThan(0);
      const sends = ({ saved, posted }: World) =>
        posted.length > 0 || saved.uploads.some(({ state }) => /^(planned|sending)$/.test(state));
      expect(late.find(sends)).toBeUndefined();
      const ended = late.filter(({ finished, erased }) => finished && !erased);
      expect(new Set(ended.map(({ saved }) => saved.outcome?.status)).size).toBe(2);
      expect(ended.find(({ events }) => events.length !== 2)).toBeUndefined();
    });

    it('a batch that is erased leaves nothing, whoever comes back with it', () => {
      const erased = exploration.worlds.filter((world) => world.erased);
      expect(erased.some(({ away }) => Object.keys(away).length > 0)).toBe(true);
      const leaves = ({ events, receipts, polls, gate }: World) =>
        events.length > 0 ||
        Object.keys(receipts).length + Object.keys(polls).length > 0 ||
        (gate !== null && gate.inFlight.length + gate.line.length > 0);
      expect(erased.find(leaves)).toBeUndefined();
    });

    it('a crash leaves nothing of a batch unknown but what is sending', () => {
      const wrong = exploration.worlds.filter(
        ({ saved, posted, live }) =>
          live !== null &&
          !live.outcome &&
          saved.uploads.some(
            ({ state }, index) => (state === 'sending') !== posted.includes(index),
          ),
      );
      expect(wrong).toEqual([]);
    });

    it('a batch sends nothing again while the sender lives, and loses no answer that it got', () => {
      const isTaken = ({ saved, posted, away, receipts, orphaned }: World) =>
        orphaned ||
        [...posted, ...Object.keys(away), ...Object.keys(receipts)].some(
          (index) => saved.uploads[Number(index)]?.state !== 'sending',
        );
      expect(exploration.worlds.find(isTaken)).toBeUndefined();
    });

    it('the exploration of a batch comes through every state, both rounds, and every kind of end', () => {
      const { worlds } = exploration;
      const states = new Set(
        worlds.flatMap(({ saved }) => saved.uploads.map(({ state }) => state)),
      );
      expect([...states].sort()).toEqual(['ended', 'planned', 'refused', 'sending', 'sent']);
      const ends = worlds.filter(({ finished }) => finished);
      expect(new Set(ends.map(({ saved }) => saved.outcome?.status)).size).toBe(2);
      expect(new Set(ends.map(({ saved }) => saved.round))).toContain(MAX_ROUNDS);
      expect(new Set(ends.map(({ attempt }) => attempt)).size).toBe(2);
      const uploads = worlds.flatMap(({ saved }) => saved.uploads);
      const resubmissions = new Set(uploads.map((upload) => upload.resubmissions));
      // A retry is consent to send again what is unknown.
      expect([...resubmissions].sort()).toEqual(resubmit ? [0, 1, MAX_RESUBMISSIONS] : [0, 1]);
      const sizes = uploads.map(({ documentIndexes }) => fromRanges(documentIndexes).length);
      expect([...new Set(sizes)].sort()).toEqual(size === 1 ? [1] : [1, 2]);
      expect(uploads.some((upload) => (resultOf(upload)?.unreadable ?? 0) > 0)).toBe(true);
    });
  },
);
