/** What Redis and the model have come to in a {@link GateWorld}, in one form, so that they can be compared. */
import {
  gateFlowKey,
  gateKeys,
  gateWaitsKey,
  quotaUsedKey,
} from '../../src/jobs/keys/gate-keys.js';
import { PRIORITIES } from '../../src/jobs/request/request.js';
import type { GateWorld, TestJob } from './gate-world.js';

/** What a gate knows. */
interface GateState {
  documents: number;
  virtualTime: number;
  /** Documents of each upload, by member. */
  sizes: Record<string, number>;
  /** Sorted. */
  inFlight: string[];
  /** In order, each with where it starts. */
  line: [member: string, start: number][];
  /** By priority, in the order of {@link PRIORITIES}. */
  waits: { members: string[]; documents: number }[];
  /** Those of each flow of {@link TestJob}s, in order. */
  flows: [member: string, start: number][][];
  /** Where each flow has come to by what was admitted. */
  finishes: Record<string, number>;
  /** Where those stood that have left over an error. */
  kept: Record<string, number>;
  /** From where on the uploads of a flow may move up. */
  gaps: Record<string, number>;
  /** Of which flow uploads have moved up last. */
  gapFlow: string;
  /** Where each job is. */
  places: Record<string, string>;
  used: { day: string; documents: number };
}

export async function redisState({ redis, prefix, jobs }: GateWorld): Promise<GateState> {
  const [state = '', flight = '', line = '', sizes = '', flows = ''] = gateKeys(prefix);
  const { day = '', documents: used = 0 } = await redis.hgetall(quotaUsedKey(prefix));
  const number = async (field: string) => Number((await redis.hget(state, field)) ?? 0);
  const members = async (key: string) => (await redis.zrange(key, 0, '-1')).sort();
  const scores = async (key: string) => toPairs(await redis.zrange(key, 0, '-1', 'WITHSCORES'));
  const places = jobs.map(async ({ id }) => [id, await placeOf({ redis, prefix }, id)] as const);
  const waits = PRIORITIES.map(async (priority) => ({
    members: await members(gateWaitsKey(prefix, priority)),
    documents: await number(`waiting-${priority}`),
  }));
  return {
    documents: await number('documents'),
    virtualTime: await number('virtual-time'),
    sizes: toNumbers(await redis.hgetall(sizes)),
    inFlight: await members(flight),
    line: await scores(line),
    waits: await Promise.all(waits),
    flows: await Promise.all(flowsOf(jobs).map((flow) => scores(gateFlowKey(prefix, flow)))),
    finishes: Object.fromEntries(await scores(flows)),
    kept: Object.fromEntries(await scores(`${prefix}:gate-kept`)),
    gaps: Object.fromEntries(await scores(`${prefix}:gate-gaps`)),
    gapFlow: (await redis.hget(state, 'gap-flow')) ?? '',
    places: Object.fromEntries(await Promise.all(places)),
    used: { day, documents: Number(used) },
  };
}

export function modelState({ model, jobs }: GateWorld): GateState {
  const sizes = [...model.inFlight, ...model.line.waiting.map((one) => [one.member, one] as const)];
  return {
    documents: model.documentsInFlight,
    virtualTime: model.line.virtualTime,
    sizes: Object.fromEntries(sizes.map(([member, { documentCount }]) => [member, documentCount])),
    inFlight: [...model.inFlight.keys()].sort(),
    line: model.line.waiting.map(({ member, start }) => [member, start]),
    waits: PRIORITIES.map((priority) => {
      const waiting = model.line.waiting.filter(
        ({ member }) => priorityOf(jobs, member) === priority,
      );
      return {
        members: waiting.map(({ member }) => member).sort(),
        documents: waiting.reduce((sum, { documentCount }) => sum + documentCount, 0),
      };
    }),
    flows: flowsOf(jobs).map((name) =>
      model.line.waiting
        .filter(({ flow }) => flow.name === name)
        .map(({ member, start }) => [member, start]),
    ),
    finishes: Object.fromEntries(model.line.finishes),
    kept: Object.fromEntries(model.kept),
    gaps: Object.fromEntries(model.line.gaps),
    gapFlow: model.line.gapFlow,
    places: Object.fromEntries(jobs.map(({ id, place }) => [id, place])),
    used: { ...model.used },
  };
}

function flowsOf(jobs: readonly TestJob[]): string[] {
  return [...new Set(jobs.map(({ flow }) => flow.name))];
}

function priorityOf(jobs: readonly TestJob[], member: string): string | undefined {
  return jobs.find(({ id }) => member.startsWith(`${id}@`))?.flow.name.split('/')[1];
}

async function placeOf({ redis, prefix }: Pick<GateWorld, 'redis' | 'prefix'>, id: string) {
  const base = `${prefix}:atlas-batches:`;
  if ((await redis.lpos(`${base}wait`, id)) !== null) return 'wait';
  for (const set of ['delayed', 'prioritized']) if (await redis.zscore(base + set, id)) return set;
  if ((await redis.exists(base + id)) === 0) return 'gone';
  return (await redis.hget(base + id, 'finishedOn')) ? 'ended' : 'active';
}

function toPairs(reply: unknown): [string, number][] {
  const flat = (reply as unknown[]).flat().map(String);
  return flat.flatMap((name, i): [string, number][] =>
    i % 2 === 0 ? [[name, Number(flat[i + 1])]] : [],
  );
}

function toNumbers(record: Record<string, string>): Record<string, number> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, Number(value)]));
}
