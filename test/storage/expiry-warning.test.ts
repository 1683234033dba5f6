import { expect, test } from 'vitest';
import { createExpiryWarning } from '../../src/storage/object-store.js';

const HOUR = 3600;

/** Warnings given while URLs of one hour are signed with these sets of credentials in turn. */
function warningsWith(...lives: (number | null)[]): string[] {
  const warnings: string[] = [];
  const warn = createExpiryWarning({
    warn: (fields: object, message: string) =>
      warnings.push(JSON.stringify({ ...fields, message })),
  });
  for (const [set, life] of lives.entries()) {
    const credentials = {
      accessKeyId: `ASIA${set}`,
      secretAccessKey: 'secret',
      ...(life === null ? {} : { expiration: new Date(Date.now() + life * 1000) }),
    };
    warn(credentials, HOUR);
    warn(credentials, HOUR);
  }
  return warnings;
}

test('permanent credentials, and those that outlive the URL, give no warning', () => {
  expect(warningsWith(null, 2 * HOUR)).toEqual([]);
});

test('credentials that die before the URL are warned of once per set, without naming them', () => {
  const warnings = warningsWith(HOUR / 2, HOUR / 4, 2 * HOUR);
  expect(warnings).toHaveLength(2);
  for (const warning of warnings) {
    expect(warning).toMatch(/"credentialsExpireAt":"\d{4}-/);
    expect(warning).not.toMatch(/ASIA|secret"/);
  }
});
