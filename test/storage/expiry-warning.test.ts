import { expect, test } from 'vitest';
import { createExpiryWarning } from '../../src/storage/expiry-warning.js';

const HOUR = 3600;

/** Warnings given while URLs of one hour are signed with these sets of credentials in turn. */
async function warningsWith(...lives: (number | null)[]): Promise<string[]> {
  let set = 0;
  let now = Date.now();
  const warnings: string[] = [];
  const credentials = async () => {
    const life = lives[set] ?? null;
    return {
      accessKeyId: `ASIA${set}`,
      secretAccessKey: 'secret',
      ...(life === null ? {} : { expiration: new Date(now + life * 1000) }),
    };
  };
  const logger = {
    warn: (fields: object, message: string) =>
      warnings.push(JSON.stringify({ ...fields, message })),
  };
  const warn = createExpiryWarning(credentials, logger, () => now);
  for (set = 0; set < lives.length; set += 1) {
    for (let time = 0; time < 2; time += 1) {
      await warn(HOUR);
      now += 1000;
    }
  }
  return warnings;
}

test('permanent credentials, and those that outlive the URL, give no warning', async () => {
  expect(await warningsWith(null, 2 * HOUR)).toEqual([]);
});

test('credentials that die before the URL are warned of once per set, without naming them', async () => {
  const warnings = await warningsWith(HOUR / 2, HOUR / 4, 2 * HOUR);
  expect(warnings).toHaveLength(2);
  for (const warning of warnings) {
    expect(warning).toMatch(/"credentialsExpireAt":"\d{4}-/);
    expect(warning).not.toMatch(/ASIA|secret"/);
  }
});
