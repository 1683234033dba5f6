import { expect, it } from 'vitest';
import { Calendar, timeZoneIssue } from '../../src/gate/calendar.js';

const at = (time: string) => Date.parse(time);

it.each([
  ['UTC', '2026-11-23T23:59:59.999Z', '2026-11-23', '2026-11-24T00:00:00Z'],
  ['UTC', '2026-11-24T00:00:00Z', '2026-11-24', '2026-11-25T00:00:00Z'],
  ['Asia/Kolkata', '2026-11-23T18:29:59Z', '2026-11-23', '2026-11-23T18:30:00Z'],
  ['Asia/Kolkata', '2026-11-23T18:30:00Z', '2026-11-24', '2026-11-24T18:30:00Z'],
  // Days of 23 and of 25 hours.
  ['Europe/Berlin', '2026-03-29T00:30:00Z', '2026-03-29', '2026-03-29T22:00:00Z'],
  ['Europe/Berlin', '2026-10-25T00:30:00Z', '2026-10-25', '2026-10-25T23:00:00Z'],
  // Its 30 December 2011 never was.
  ['Pacific/Apia', '2011-12-30T09:00:00Z', '2011-12-29', '2011-12-30T10:00:00Z'],
] as const)('a day of %s at %s is %s and ends at %s', (timeZone, time, day, end) => {
  const calendar = new Calendar({ now: () => at(time) }, timeZone);
  expect(calendar.today()).toBe(day);
  expect(calendar.endOfToday()).toBe(at(end));
});

it('a calendar follows its clock over midnight, and knows days of other times', () => {
  let now = at('2026-11-23T23:59:59.999Z');
  const calendar = new Calendar({ now: () => now }, 'UTC');
  expect(calendar.today()).toBe('2026-11-23');
  now += 1;
  expect(calendar.today()).toBe('2026-11-24');
  expect(calendar.dayOf(now - 1)).toBe('2026-11-23');
  expect(calendar.today()).toBe('2026-11-24');
});

it('a time zone that nobody knows is named, and those of the IANA list are taken', () => {
  expect(timeZoneIssue('Asia/Kolkata')).toBeUndefined();
  expect(timeZoneIssue('Mars/Olympus')).toContain('IANA');
  expect(timeZoneIssue('')).toContain('IANA');
});
