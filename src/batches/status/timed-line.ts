/** A line of a job's log, which begins with its time. Pure. */
const TIMED_LINE = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z) (.*)$/s;

/** What a line says, and when. */
export interface TimedLine {
  /** ISO 8601. Null for a line without a time, which this project did not write. */
  at: string | null;
  /** What it says. */
  text: string;
}

export function readTimedLine(line: string): TimedLine {
  const [, at = null, text = line] = TIMED_LINE.exec(line) ?? [];
  return { at, text };
}
