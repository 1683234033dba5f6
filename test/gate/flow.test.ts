import { expect, it } from 'vitest';
import { flowOf } from '../../src/gate/flow.js';
import { GateModel } from '../../src/gate/gate-model.js';

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
    const [head] = gate.line;
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
