import { expect, test } from 'vitest';
import { loadConfig } from '../../src/config/environment.js';

const REQUIRED = {
  REDIS_URL: 'redis://127.0.0.1:6379',
  ATLAS_BASE_URL: 'https://atlas.example.com',
  ATLAS_CLIENT_ID: 'id',
  ATLAS_CLIENT_SECRET: 'secret',
  RESULTS_BUCKET: 'results',
};
const SECRET = 'a secret of enough characters';
const URL = 'https://app.example.com/hooks?token=hidden-token';

function issuesOf(environment: Record<string, string>): string {
  try {
    loadConfig({ ...REQUIRED, ...environment });
    return '';
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

test('a webhook is off unless it is set', () => {
  expect(loadConfig({ ...REQUIRED, COMPLETION_WEBHOOK_URL: '' })).toMatchObject({
    COMPLETION_WEBHOOK_URL: null,
    COMPLETION_WEBHOOK_SECRET: null,
  });
});

test.each([URL, 'http://127.0.0.1:8080/hooks', 'http://localhost', 'http://[::1]:1/'])(
  'a webhook may go to %s',
  (url) => {
    expect(issuesOf({ COMPLETION_WEBHOOK_URL: url, COMPLETION_WEBHOOK_SECRET: SECRET })).toBe('');
  },
);

test.each([
  ['http://app.example.com/hidden-token', 'COMPLETION_WEBHOOK_URL must be https'],
  ['ftp://app.example.com/hidden-token', 'COMPLETION_WEBHOOK_URL must be https'],
  ['hidden-token', 'COMPLETION_WEBHOOK_URL must be a URL'],
  ['https://me:hidden-token@app.example.com', 'COMPLETION_WEBHOOK_URL must hold no user name'],
  ['https://app.example.com/#hidden-token', 'COMPLETION_WEBHOOK_URL must hold no fragment'],
])('a webhook may not go to %s, and the URL is not shown', (url, issue) => {
  const issues = issuesOf({ COMPLETION_WEBHOOK_URL: url, COMPLETION_WEBHOOK_SECRET: SECRET });
  expect(issues).toContain(issue);
  expect(issues).not.toContain('hidden-token');
});

test('a webhook has a URL and a secret, or neither', () => {
  expect(issuesOf({ COMPLETION_WEBHOOK_URL: URL })).toContain(
    'COMPLETION_WEBHOOK_SECRET is missing; COMPLETION_WEBHOOK_URL needs it',
  );
  expect(issuesOf({ COMPLETION_WEBHOOK_SECRET: SECRET })).toContain(
    'COMPLETION_WEBHOOK_URL is missing; COMPLETION_WEBHOOK_SECRET needs it',
  );
});

test('a secret that is too short is named, not shown, together with every other issue', () => {
  const issues = issuesOf({
    REDIS_URL: '',
    COMPLETION_WEBHOOK_URL: 'nowhere',
    COMPLETION_WEBHOOK_SECRET: 'hunter2',
  });
  expect(issues.split('\n').slice(1)).toEqual([
    expect.stringContaining('COMPLETION_WEBHOOK_URL must be a URL'),
    expect.stringContaining('COMPLETION_WEBHOOK_SECRET must be whsec_ and base64'),
    expect.stringContaining('REDIS_URL is missing'),
  ]);
  expect(issues).not.toContain('hunter2');
});

test('the days of the quota are those of a time zone that exists, by default UTC', () => {
  expect(loadConfig(REQUIRED)).toMatchObject({
    ATLAS_MAX_DOCUMENTS_PER_DAY: 0,
    QUOTA_TIMEZONE: 'UTC',
  });
  expect(issuesOf({ QUOTA_TIMEZONE: 'Asia/Kolkata' })).toBe('');
  expect(issuesOf({ QUOTA_TIMEZONE: 'Bangalore' })).toContain(
    'QUOTA_TIMEZONE must be a time zone of the IANA list, such as UTC or Asia/Kolkata; got "Bangalore"',
  );
});

test('a weight of a tenant is given once', () => {
  const faults = issuesOf({ TENANT_WEIGHTS: 'a=0,b=2,c=x,b=3,d=1,d=1,ops@e=1' });
  expect(faults).toContain(
    'such as loans=10,archive=1, and not "a=0", "c=x", one that is not shown',
  );
  expect(faults).toContain('TENANT_WEIGHTS must name each tenant once, and not "b", "d" twice');
  expect(issuesOf({ S3_ALLOWED_BUCKETS: 'kyc,A_,s3://x' })).toMatch(/, and not "A_", "s3:\/\/x"; /);
  expect(issuesOf({ TENANT_WEIGHTS: 'a=1,b=2' })).toBe('');
  expect(issuesOf({ TENANT_WEIGHTS: 'a=1,b=2,a=2' })).toContain(
    'TENANT_WEIGHTS must name each tenant once, and not "a" twice; got "a=1,b=2,a=2"',
  );
});
