import fc from 'fast-check';
import { expect, it } from 'vitest';
import { flowOf } from '../../src/gate/flow.js';
import { GateModel } from '../../src/gate/gate-model.js';
import { LineModel, MAX_MOVED_UP } from '../../src/gate/line-model.js';

const WEIGHTS = ['loans=10', 'archive=1'];

it.each([
  [{}, { name: '/normal', weight: 10 }],
  [
    { priority: 'urgent', tenant: 'branch-1' },
    { name: 'branch-1/urgent', weight: 100 },
  ],
  [
    { priority: 'bulk', tenant: 'loans' },
    { name: 'loans/bulk', weight: 10 },
  ],
  [{ tenant: 'archive' }, { name: 'archive/normal', weight: 10 }],
] as const)('the flow of a batch with %o is %o', (request, flow) => {
  expect(flowOf(request, WEIGHTS)).toEqual(flow);
});

/** A gate that has room for one upload at a time, and many uploads of one document in its line. */
function gateWith(...floods: { name: string; weight: number }[]) {
  const gate = new GateModel({ limit: 1, quota: 0 });
  for (let n = 0; n < 1000; n += 1)
    for (const flow of floods)
      gate.ask([{ member: `${flow.name}${n}@1/1.0`, documentCount: 1 }], flow);
  return gate;
}

/** Members in the order of their admission. */
function admissions(gate: GateModel, count: number): string[] {
  return Array.from({ length: count }, () => {
    const [member = ''] = gate.inFlight.keys();
    gate.forget(member);
    const [head] = gate.line.waiting;
    if (head) gate.ask([head], { name: 'x', weight: 1 });
    return member;
  });
}

it('an urgent batch behind a flood of bulk ones is the next to be admitted', () => {
  const gate = gateWith(flowOf({ priority: 'bulk' }, []));
  gate.ask([{ member: 'now@1/1.0', documentCount: 1 }], flowOf({ priority: 'urgent' }, []));
  expect(admissions(gate, 2)[1]).toBe('now@1/1.0');
});

it('an urgent batch goes before the first bulk batches of many tenants that have come at the same time', () => {
  const gate = new GateModel({ limit: 1, quota: 0 });
  for (let n = 0; n < 1000; n += 1)
    gate.ask(
      [{ member: `a${n}@1/1.0`, documentCount: 1 }],
      flowOf({ tenant: `t${n}`, priority: 'bulk' }, []),
    );
  gate.ask([{ member: 'now@1/1.0', documentCount: 1 }], flowOf({ priority: 'urgent' }, []));
  expect(admissions(gate, 2)[1]).toBe('now@1/1.0');
});

it('the batch of another tenant waits for two admissions at most, however many one tenant adds', () => {
  const gate = gateWith(flowOf({ tenant: 'a' }, []));
  gate.ask([{ member: 'single@1/1.0', documentCount: 1 }], flowOf({ tenant: 'b' }, []));
  expect(admissions(gate, 3)).toContain('single@1/1.0');
});

it('bulk gets its share while normal batches never end', () => {
  const gate = gateWith(flowOf({}, []), flowOf({ priority: 'bulk' }, []));
  const bulk = admissions(gate, 500).filter((member) => member.startsWith('/bulk'));
  expect(bulk.length).toBeGreaterThan(500 / 100);
  expect(bulk.length).toBeLessThan(500 / 5);
});

const A = flowOf({ tenant: 'a' }, []);
const B = flowOf({ tenant: 'b' }, []);

/** A batch leaves the line for good where it says so. */
function leaveWhere(gate: GateModel, isLeaving: (member: string, place: number) => boolean): void {
  const members = gate.line.waiting.map(({ member }) => member);
  for (const [place, member] of members.entries())
    if (isLeaving(member, place)) gate.forget(member, { unsent: true });
}

it('a tenant that has cancelled its flood is the next to go, as one that has never had one', () => {
  const gate = gateWith(A, B);
  leaveWhere(gate, (member) => member.startsWith(A.name));
  gate.ask([{ member: 'next@1/1.0', documentCount: 1 }], A);
  expect(admissions(gate, 4)).toContain('next@1/1.0');
});

it('what was cancelled of a flood takes nothing of the share of what stays', () => {
  const gate = gateWith(A, B);
  leaveWhere(gate, (member, place) => member.startsWith(A.name) && place % 4 !== 0);
  const staying = gate.line.waiting.filter(({ flow }) => flow.name === A.name).length;
  gate.line.closeGaps();
  const next = admissions(gate, 2 * staying - 10).filter((member) => member.startsWith(A.name));
  expect(next.length).toBeGreaterThan(staying - 10);
});

it('a place that is kept is there for the one that comes back, and puts nobody of its flow behind it', () => {
  const line = new LineModel();
  for (const member of ['one', 'two', 'three']) line.enter(member, 10, A);
  const before = line.waiting.map(({ start }) => start);
  for (const left of line.waiting.slice(1)) line.leave(left, true);
  line.closeGaps();
  line.enter('meanwhile', 10, A);
  expect(line.find('meanwhile')?.start).toBe(before[1]);
  for (const one of line.waiting.slice(1)) line.leave(one, false);
  line.enter('two', 10, A, before[1]);
  line.enter('three', 10, A, before[2]);
  expect(line.waiting.map(({ start }) => start)).toEqual(before);
});

it('who stays behind places that were kept for nothing moves up', () => {
  const line = new LineModel();
  for (const member of ['one', 'two', 'three']) line.enter(member, 10, A);
  const [first, second] = line.waiting.map(({ start }) => start);
  for (const left of line.waiting.slice(0, 2)) line.leave(left, true);
  line.giveUpPlace(A.name, first ?? Number.NaN);
  line.closeGaps();
  expect(line.waiting.map(({ start }) => start)).toEqual([first]);
  line.enter('next', 10, A);
  expect(line.find('next')?.start).toBe(second);
});

/** What happens to a line of two flows: uploads come with so many documents, or one leaves, or is admitted. */
const lineSteps = fc.array(
  fc.oneof(
    fc.record({ enters: fc.constantFrom(A, B), documentCount: fc.integer({ min: 1, max: 20 }) }),
    fc.record({ leaves: fc.nat(), keepsPlace: fc.boolean() }),
    fc.record({ admitted: fc.constant(true) }),
  ),
  { maxLength: 80, size: 'max' },
);

function lineAfter(steps: typeof lineSteps extends fc.Arbitrary<infer T> ? T : never): LineModel {
  const line = new LineModel();
  for (const [n, step] of steps.entries()) {
    const { length } = line.waiting;
    const head = line.waiting[0];
    if ('enters' in step) line.enter(`m${n}`, step.documentCount, step.enters);
    else if ('leaves' in step) {
      const leaving = line.waiting[step.leaves % Math.max(1, length)];
      if (leaving) line.leave(leaving, step.keepsPlace);
    } else if (head) line.admit(head);
  }
  return line;
}

it('who moves up passes nobody of its flow, nobody moves back, and in the end no gap is left', () => {
  fc.assert(
    fc.property(lineSteps, (steps) => {
      const line = lineAfter(steps);
      const membersOf = ({ name }: { name: string }) =>
        line.waiting.filter(({ flow }) => flow.name === name).map(({ member }) => member);
      const order = [A, B].map(membersOf);
      const starts = new Map(line.waiting.map(({ member, start }) => [member, start]));
      line.closeGaps();
      expect(line.gaps.size).toBe(0);
      expect([A, B].map(membersOf)).toEqual(order);
      for (const { member, start } of line.waiting)
        expect(start).toBeLessThanOrEqual(starts.get(member) ?? 0);
    }),
  );
});

it('a flow of thousands moves up in steps, from where the last one has come to', () => {
  const line = new LineModel();
  const count = 2 * MAX_MOVED_UP + 10;
  for (let n = 0; n <= count; n += 1) line.enter(`m${String(n).padStart(5, '0')}`, 1, A);
  const before = line.waiting.map(({ start }) => start);
  const [first] = line.waiting;
  if (first) line.leave(first, false);
  for (let step = 0; step < 3; step += 1) {
    expect(line.gaps.size).toBe(1);
    line.closeGaps();
  }
  expect(line.gaps.size).toBe(0);
  for (const [place, { start }] of line.waiting.entries())
    expect(start).toBeCloseTo(before[place] ?? Number.NaN, 6);
});

it('a flow of thousands that leaves all the time does not keep others from moving up', () => {
  const line = new LineModel();
  for (let n = 0; n <= 2 * MAX_MOVED_UP; n += 1) line.enter(`a${String(n).padStart(5, '0')}`, 1, A);
  for (const member of ['b0', 'b1', 'b2']) line.enter(member, 1, B);
  const [, second] = line.waiting.filter(({ flow }) => flow === B);
  if (second) line.leave(second, false);
  for (let step = 0; step < 2; step += 1) {
    const first = line.waiting.find(({ flow }) => flow === A);
    if (first) line.leave(first, false);
    line.closeGaps();
  }
  expect([...line.gaps.keys()]).toEqual([A.name]);
  expect(line.find('b2')?.start).toBe(second?.start);
});
