/** What releases are checked by, and the workflows that make them. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { judge, readExceptions } from '../../scripts/release/audit.js';
import { licenceIssues, licenceReport } from '../../scripts/release/licences.js';
import { tagIssues } from '../../scripts/release/tag.js';
import { tarballIssues } from '../../scripts/release/tarball.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const read = (file: string) => readFileSync(`${ROOT}${file}`, 'utf8');

const shipped = (...licences: string[]) => [{ name: 'a', version: '1.0.0', licences }];

test.each([['MIT'], ['(MIT OR GPL-3.0)'], ['MIT AND ISC'], ['Apache-2.0']])(
  'a package with the licence %s may be shipped',
  (licence) => {
    expect(licenceIssues(shipped(licence))).toEqual([]);
  },
);

test.each([['GPL-3.0-only'], ['MIT AND GPL-3.0'], ['unknown'], ['SEE LICENSE IN LICENSE']])(
  'a package with the licence %s is named',
  (licence) => {
    expect(licenceIssues(shipped(licence))).toEqual([
      expect.stringMatching(/^a@1\.0\.0 .*not allowed/),
    ]);
  },
);

test('the report of licences lists packages below theirs', () => {
  expect(licenceReport([...shipped('MIT'), ...shipped('ISC')])).toBe(
    'ISC (1)\n  a@1.0.0\n\nMIT (1)\n  a@1.0.0\n',
  );
});

test('a tarball without what people need, or with what is of no use there, is refused', () => {
  const issues = tarballIssues(['dist/cli.js', 'src/cli.ts', 'deploy/compose/secrets/REDIS_URL']);
  expect(issues).toContain('README.md is missing');
  expect(issues).toContain('src/cli.ts should not be there');
  expect(issues).toContain('deploy/compose/secrets/REDIS_URL should not be there');
  expect(issues).not.toContain('dist/cli.js should not be there');
});

const GHSA = 'GHSA-aaaa-bbbb-cccc';
const REPORT = JSON.stringify({
  vulnerabilities: {
    a: {
      via: [
        {
          name: 'a',
          title: 'It hangs',
          url: `https://github.com/advisories/${GHSA}`,
          severity: 'high',
        },
      ],
    },
    b: { via: ['a'] },
  },
});
const exception = (until: string) => [
  { id: GHSA, reason: 'only what parses XML is concerned', until },
];

test('a known weakness is named, unless an exception holds that day', () => {
  const issues = [`a: It hangs (high, ${GHSA})`];
  expect(judge(REPORT, [], '2026-11-29')).toEqual({ kind: 'audited', issues });
  expect(judge(REPORT, exception('2026-11-29'), '2026-11-29')).toEqual({
    kind: 'audited',
    issues: [],
  });
});

test('an exception that is over, or not needed any more, is named', () => {
  const over = judge(REPORT, exception('2026-11-28'), '2026-11-29');
  expect(over).toMatchObject({ issues: [expect.anything(), expect.stringContaining('is over')] });
  const none = JSON.stringify({ vulnerabilities: {} });
  expect(judge(none, exception('2099-01-01'), '2026-11-29')).toMatchObject({
    issues: [expect.stringContaining('needed no more')],
  });
});

test('a registry that tells of no weaknesses is said, and fails nothing', () => {
  const refusal = JSON.stringify({ message: '405 Method Not Allowed', error: {} });
  expect(judge(refusal, [], '2026-11-29')).toEqual({
    kind: 'not-audited',
    why: '405 Method Not Allowed',
  });
  expect(judge('', [], '2026-11-29')).toMatchObject({ kind: 'not-audited' });
});

const CHANGES = '# Changelog\n\n## [Unreleased]\n\n## [1.2.3] - 2026-11-29\n';

test('a tag is that of the version, of which the changelog tells, in a repository that has a name', () => {
  const manifest = { version: '1.2.3', repository: 'github:example/atlas-batch' };
  expect(tagIssues('v1.2.3', manifest, CHANGES)).toEqual([]);
  expect(tagIssues('v1.2.4', { version: '1.2.0' }, CHANGES)).toEqual([
    'package.json has the version 1.2.0',
    'CHANGELOG.md has no section 1.2.0',
    'package.json names no repository, which npm publish --provenance wants',
  ]);
});

test('the written exceptions are a list of them', () => {
  expect(() => readExceptions()).not.toThrow();
});

const WORKFLOWS = [
  ...readdirSync(`${ROOT}.github/workflows`).map((name) => `.github/workflows/${name}`),
  '.gitlab-ci.yml',
];

test.each(WORKFLOWS)('%s runs what .ci/run runs, and scripts that exist', (file) => {
  const text = read(file);
  expect(parse(text)).toBeTypeOf('object');
  expect(text).toMatch(/(run:|-) \.ci\/run$/m);
  const { scripts } = JSON.parse(read('package.json'));
  const named = [...text.matchAll(/npm run ([\w:]+)/g)].map(([, name = '']) => name);
  expect(named.filter((name) => !(name in scripts))).toEqual([]);
});

/** GitLab takes a job of such a name for a setting of all jobs, and refuses the file. */
const SETTINGS_OF_ALL_JOBS =
  /^(image|services|before_script|after_script|variables|cache|include|default|workflow|spec)$/;

test('no job of GitLab has the name of a setting, and each is in a stage', () => {
  const { stages, ...jobs } = parse(read('.gitlab-ci.yml'));
  expect(Object.keys(jobs).filter((name) => SETTINGS_OF_ALL_JOBS.test(name))).toEqual([]);
  for (const job of Object.values(jobs) as { stage: string }[]) expect(stages).toContain(job.stage);
});

test('every action of others is named by its commit, and no job may write more than it has to', () => {
  for (const file of WORKFLOWS.filter((name) => name.startsWith('.github'))) {
    const text = read(file);
    const actions = [...text.matchAll(/uses: (.*)$/gm)].map(([, action]) => action);
    expect(actions.length).toBeGreaterThan(0);
    for (const action of actions) expect(action).toMatch(/^[\w-]+\/[\w-]+@[0-9a-f]{40} # v\d/);
    const { permissions, jobs } = parse(text);
    expect(permissions).toEqual({ contents: 'read' });
    for (const job of Object.values(jobs) as { permissions?: Record<string, string> }[]) {
      expect(job.permissions?.contents ?? 'read').toBe('read');
    }
  }
});

test.each(['.github/workflows/release.yml', '.gitlab-ci.yml'])(
  '%s publishes tags alone, with their provenance, after what checks them',
  (file) => {
    const text = read(file);
    expect(text).toContain('npm publish --provenance --access public');
    expect(text).toMatch(/npm run release:check -- --tag "\$\w+"/);
    expect(text).toContain('--provenance mode=max --sbom=true');
    if (file === '.gitlab-ci.yml') {
      const { package: ofPackage, container } = parse(text);
      for (const job of [ofPackage, container]) {
        expect(job.rules).toEqual([{ if: '$CI_COMMIT_TAG =~ /^v/' }]);
      }
    } else {
      const { on, jobs } = parse(text);
      expect(on).toEqual({ push: { tags: ['v*'] } });
      expect([jobs.package.needs, jobs.image.needs]).toEqual(['check', 'check']);
    }
  },
);

/** What GitHub knows of a field of a form; it shows no form that has anything else. */
const OF_A_FIELD = /^(label|description|placeholder|value|render|options|multiple|default)$/;

test.each(['bug.yml', 'feature.yml'])('GitHub can show the form %s', (file) => {
  const { name, description, body } = parse(read(`.github/ISSUE_TEMPLATE/${file}`));
  expect([name, description]).toEqual([expect.any(String), expect.any(String)]);
  const ids = body.flatMap(({ id }: { id?: string }) => id ?? []);
  expect(new Set(ids).size).toBe(ids.length);
  for (const { type, attributes } of body) {
    expect(Object.keys(attributes).filter((key) => !OF_A_FIELD.test(key))).toEqual([]);
    expect(attributes[type === 'markdown' ? 'value' : 'label']).toEqual(expect.any(String));
  }
});

test('the image has a name in small letters, whatever the owner of the repository is called', () => {
  const { jobs } = parse(read('.github/workflows/release.yml'));
  const steps = jobs.image.steps as { run?: string }[];
  const build = steps.find(({ run }) => run?.includes('--push'))?.run;
  const said = execFileSync('bash', ['-euc', `docker() { echo "$*"; }\n${build}`], {
    encoding: 'utf8',
    env: {
      GITHUB_REPOSITORY: 'Example-Org/Atlas-Batch',
      GITHUB_REF_NAME: 'v1.2.3',
      NODE_IMAGE: 'node:24-alpine@sha256:0',
    },
  });
  expect(said).toContain(' --tag ghcr.io/example-org/atlas-batch:1.2.3 --push .');
});
