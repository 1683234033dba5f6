import { expect, it } from 'vitest';
import { NoMemoryError } from '../../../../src/workers/poll/reading/memory-errors.js';
import {
  MEMORY_LIMITS,
  type PollAccount,
  PollMemory,
} from '../../../../src/workers/poll/reading/poll-memory.js';

const MIB = 1024 * 1024;
const LIMITS = { smallPollBytes: 1, smallBytes: 4, sharedBytes: 10, reserveBytes: 20 };
const MANY_DOCUMENTS = 1000;

const open = (memory: PollMemory) => memory.open('BATCH-1', MANY_DOCUMENTS);

function openWith(memory: PollMemory, bytes: number): PollAccount {
  const poll = open(memory);
  poll.page().hold(bytes);
  return poll;
}

/** What a poll would ask for the next time that finds no room; 0 when there is room. */
function wantedBy(work: () => void): number {
  try {
    work();
    return 0;
  } catch (error) {
    if (error instanceof NoMemoryError) return error.wantedBytes;
    throw error;
  }
}

it('large polls hold no more together than they may, and one more at a time', () => {
  const memory = new PollMemory(LIMITS);
  const polls = [openWith(memory, 6), openWith(memory, 4), openWith(memory, 2)];
  expect(memory.heldBytes).toBe(12);
  expect(wantedBy(() => openWith(memory, 3))).toBe(12);
  polls[0]?.close();
  openWith(memory, 6);
  expect(memory.heldBytes).toBe(12);
});

it('what a poll may not hold is not held: its account is as large as before, and empty when it is closed', () => {
  const memory = new PollMemory(LIMITS);
  const [first, second] = [openWith(memory, 8), openWith(memory, 15)];
  const third = open(memory);
  expect(wantedBy(() => third.page().hold(3))).toBe(12);
  expect(memory.heldBytes).toBe(23);
  for (const poll of [first, second, third]) poll.close();
  expect(memory.heldBytes).toBe(0);
});

it('small polls pass large ones that wait', () => {
  const memory = new PollMemory(LIMITS);
  openWith(memory, 10);
  openWith(memory, 10);
  expect(wantedBy(() => openWith(memory, 2))).toBe(8);
  for (let poll = 0; poll < LIMITS.smallBytes; poll += 1) openWith(memory, 1);
  expect(wantedBy(() => openWith(memory, 1))).toBe(4);
});

it('a poll that has the reserve reads its list to the end, whatever others do', () => {
  const memory = new PollMemory(LIMITS);
  const others = openWith(memory, 9);
  const one = open(memory);
  for (let page = 0; page < LIMITS.reserveBytes; page += 1) {
    one.page().hold(1);
    if (page === 10) others.close();
    if (page === 11) openWith(memory, 10);
  }
  expect(memory.heldBytes).toBe(30);
});

it('a poll asks for what it wanted before it reads, and then needs no more room for that', () => {
  const memory = new PollMemory(LIMITS);
  const other = openWith(memory, 7);
  openWith(memory, 15);
  expect(wantedBy(() => open(memory).expect(6))).toBe(6);
  other.close();
  const poll = open(memory);
  poll.expect(6);
  expect(memory.heldBytes).toBe(21);
  poll.page().hold(6);
  expect(memory.heldBytes).toBe(21);
  // Nobody can ever have more than a single poll may.
  expect(wantedBy(() => open(memory).expect(100))).toBe(20);
});

it('a page that is read again takes the room of the first attempt', () => {
  const memory = new PollMemory(LIMITS);
  const poll = open(memory);
  const page = poll.page();
  for (let attempt = 0; attempt < 5; attempt += 1) {
    page.hold(0);
    page.hold(9);
  }
  expect(memory.heldBytes).toBe(9);
});

it('items count, however short they are', () => {
  const memory = new PollMemory(MEMORY_LIMITS);
  const page = open(memory).page();
  page.hold(MIB);
  page.holdItems(10_000);
  expect(memory.heldBytes).toBeGreaterThan(3 * MIB);
});

it('a list that is larger than its documents explain is an error of Atlas, and says what to do', () => {
  const page = new PollMemory(MEMORY_LIMITS).open('BATCH-1', 1).page();
  page.hold(34 * MIB);
  expect(() => page.hold(34 * MIB + 1)).toThrow(/which is 34 MiB for 1 document\. .*_PER_UPLOAD/);
  const most = open(new PollMemory(MEMORY_LIMITS)).page();
  expect(() => most.hold(MEMORY_LIMITS.reserveBytes + 1)).toThrow('112 MiB for 1,000 documents');
});

it('a page that does not fit gives its room to those beside it, and what was read stays held', () => {
  const memory = new PollMemory(LIMITS);
  const poll = openWith(memory, 9);
  const [large, small] = [poll.page(), poll.page()];
  large.hold(10);
  expect(() => large.hold(12)).toThrow(expect.objectContaining({ isOnePage: false }));
  small.hold(11);
  expect(poll.linger(() => {})).toBe(false);
  expect(memory.heldBytes).toBe(20);
  poll.close();
  expect(memory.heldBytes).toBe(0);
  expect(() => openWith(memory, 21)).toThrow(expect.objectContaining({ isOnePage: true }));
});

it('a page that arrives when its poll is over takes no room', () => {
  const memory = new PollMemory(LIMITS);
  const poll = open(memory);
  const page = poll.page();
  poll.close();
  expect(() => page.hold(5)).toThrow('the poll of BATCH-1 is over');
  expect(memory.heldBytes).toBe(0);
});

it('what a poll has read stays until another poll needs the room, the oldest first', () => {
  const memory = new PollMemory(LIMITS);
  const gone: string[] = [];
  for (const [name, bytes] of [
    ['first', 3],
    ['second', 4],
  ] as const) {
    const poll = memory.open(name, 0);
    poll.page().hold(bytes);
    expect(poll.linger(() => gone.push(name))).toBe(true);
    poll.close();
  }
  expect(memory.heldBytes).toBe(0);
  openWith(memory, 3);
  expect(gone).toEqual([]);
  openWith(memory, 2);
  expect([gone, memory.heldBytes]).toEqual([['first'], 5]);
  openWith(memory, 5);
  expect([gone, memory.heldBytes]).toEqual([['first', 'second'], 10]);
});

it('what could not make room anyway is left, and the reserve is never kept', () => {
  const memory = new PollMemory(LIMITS);
  const gone: string[] = [];
  const kept = memory.open('kept', 0);
  kept.page().hold(2);
  kept.linger(() => gone.push('kept'));
  const other = openWith(memory, 8);
  const reserved = openWith(memory, 12);
  expect(gone).toEqual([]);
  expect(reserved.linger(() => {})).toBe(false);
  reserved.close();
  openWith(memory, 20);
  expect(wantedBy(() => openWith(memory, 9))).toBe(20);
  expect(gone).toEqual([]);
  kept.forget();
  other.close();
  openWith(memory, 10);
  expect([gone, memory.heldBytes]).toEqual([[], 30]);
});

it('what stays counts with what its documents take', () => {
  const memory = new PollMemory({ ...LIMITS, sharedBytes: 1250, reserveBytes: 1250 });
  const few = memory.open('few', 3);
  few.page().hold(100);
  expect(few.linger(() => {})).toBe(true);
  expect(memory.open('many', 4).linger(() => {})).toBe(false);
});
