/**
 * Log lines of single jobs, which come by the hundred when something is back: the first of a kind at once, the
 * others together, ten seconds or a hundred later, with the ids of all.
 */
import type { Logger } from '../logging.js';

/** As for what is repeated: soon enough for somebody who watches. */
const INTERVAL_MS = 10_000;
/** Their ids fit a line that collectors of logs take whole, of 16 KiB. */
const MAX_HELD = 100;
/** Fields that differ from line to line, and what their values are together. */
const IDS: Readonly<Record<string, string>> = {
  reference: 'references',
  atlasBatchId: 'atlasBatchIds',
  jobId: 'jobIds',
  eventId: 'eventIds',
};

export interface GatheredLine {
  level: 'info' | 'warn' | 'error';
  /** What lines that differ in ids and counts only have in common. */
  kind: string;
  fields: object;
  message: string;
}

export interface GatheredLines {
  /** Logs a line, or holds it when one of its kind was logged lately. */
  add(line: GatheredLine): void;
  /** Logs what is held. A process that is killed has not logged it. */
  flush(): void;
}

export function createGatheredLines(logger: Logger): GatheredLines {
  const held = new Map<string, GatheredLine[]>();
  const tell = (lines: GatheredLine[]) => {
    const all = lines.splice(0);
    const last = all.at(-1);
    if (last === undefined) return;
    const more = all.length - 1;
    if (more === 0) logger[last.level](last.fields, last.message);
    else logger[last.level](together(all), `${last.message}, and ${more} more like it`);
  };
  return {
    add(line) {
      const kind = `${line.level} ${line.kind}`;
      const lines = held.get(kind);
      if (lines) {
        lines.push(line);
        if (lines.length === MAX_HELD) tell(lines);
        return;
      }
      logger[line.level](line.fields, line.message);
      const own: GatheredLine[] = [];
      held.set(kind, own);
      const tellLater = () => {
        setTimeout(() => {
          if (own.length === 0) {
            held.delete(kind);
            return;
          }
          tell(own);
          tellLater();
        }, INTERVAL_MS).unref();
      };
      tellLater();
    },
    flush() {
      for (const lines of held.values()) tell(lines);
    },
  };
}

/** The fields of the last, and the ids of all. */
function together(lines: readonly GatheredLine[]): object {
  const ids: Record<string, unknown[]> = {};
  for (const { fields } of lines) {
    for (const [name, all] of Object.entries(IDS)) {
      const id: unknown = Reflect.get(fields, name);
      if (id === undefined) continue;
      ids[all] ??= [];
      ids[all].push(id);
    }
  }
  return { ...lines.at(-1)?.fields, repeated: lines.length, ...ids };
}
