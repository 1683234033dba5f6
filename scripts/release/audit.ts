/** Known weaknesses of what is shipped, and those that are excepted for a written reason. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { z } from 'zod';

const exceptionsSchema = z.array(
  z.strictObject({
    /** `GHSA-…`. */
    id: z.string().regex(/^GHSA(-[0-9a-z]{4}){3}$/),
    /** Why it does not concern what is shipped. */
    reason: z.string().min(20),
    /** The last day on which the exception holds. */
    until: z.iso.date(),
  }),
);
type Exceptions = z.infer<typeof exceptionsSchema>;

const advisorySchema = z.object({
  name: z.string(),
  title: z.string(),
  url: z.string(),
  severity: z.string(),
});
const reportSchema = z.object({
  vulnerabilities: z.record(
    z.string(),
    z.object({ via: z.array(z.union([z.string(), advisorySchema])) }),
  ),
});

export type AuditResult =
  | { kind: 'audited'; issues: string[] }
  /** The registry does not tell of weaknesses. */
  | { kind: 'not-audited'; why: string };

/** What stands in `audit-exceptions.json`. @throws Error when it is no list of exceptions. */
export function readExceptions(): Exceptions {
  const text = readFileSync(new URL('audit-exceptions.json', import.meta.url), 'utf8');
  return exceptionsSchema.parse(JSON.parse(text));
}

/** Asks the registry, as npm is set up to. */
export function runAudit(): AuditResult {
  const today = new Date().toISOString().slice(0, 10);
  const { stdout } = spawnSync('npm', ['audit', '--omit=dev', '--json'], { encoding: 'utf8' });
  return judge(stdout, readExceptions(), today);
}

/** @param output What `npm audit --json` has printed. @param today `2026-11-29`. */
export function judge(output: string, exceptions: Exceptions, today: string): AuditResult {
  const { data } = reportSchema.safeParse(parseOrNull(output));
  if (data === undefined) {
    const said = z.object({ message: z.string() }).safeParse(parseOrNull(output)).data?.message;
    return { kind: 'not-audited', why: said ?? 'the registry gave no report' };
  }
  const found = Object.values(data.vulnerabilities)
    .flatMap(({ via }) => via)
    .filter((one) => typeof one !== 'string')
    .map((advisory) => ({ ...advisory, id: advisory.url.split('/').at(-1) ?? '' }));
  const ids = new Set(found.map(({ id }) => id));
  const holds = ({ id, until }: Exceptions[number]) => ids.has(id) && until >= today;
  const excepted = new Set(exceptions.filter(holds).map(({ id }) => id));
  return {
    kind: 'audited',
    issues: [
      ...found
        .filter(({ id }) => !excepted.has(id))
        .map(({ id, name, severity, title }) => `${name}: ${title} (${severity}, ${id})`),
      ...exceptions
        .filter((one) => !holds(one))
        .map(({ id, until }) => `the exception of ${id} until ${until} is over, or needed no more`),
    ],
  };
}

function parseOrNull(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
