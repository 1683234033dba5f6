/** Settings of a Redis that can lose batches, from the text of `INFO`. Pure. */

/** The first version that reads a stream from a position on, as the observations need it. */
const MIN_VERSION = [6, 2] as const;

/** As in the alert on memory. Redis refuses batches when it is full; there has to be time to do something. */
export const MUCH_MEMORY = 0.8;

export interface RedisFinding {
  /** `error`: batches can be lost, or nothing works. `warning`: only a failure of Redis loses some. */
  severity: 'error' | 'warning';
  problem: string;
  fix: string;
}

/** @param replicaAckTimeoutMs when it is not 0, uploads wait for a replica */
export function redisFindings(info: string, replicaAckTimeoutMs = 0): RedisFinding[] {
  const fields = new Map(
    info.split(/\r?\n/).flatMap((line): [string, string][] => {
      const colon = line.indexOf(':');
      return colon > 0 ? [[line.slice(0, colon), line.slice(colon + 1)]] : [];
    }),
  );
  const findings: RedisFinding[] = [];
  const version = fields.get('redis_version') ?? '';
  if (isOlder(version)) {
    findings.push({
      severity: 'error',
      problem: `Redis ${version || 'of an unknown version'} is too old`,
      fix: `use Redis ${MIN_VERSION.join('.')} or newer, or Valkey`,
    });
  }
  const policy = fields.get('maxmemory_policy');
  if (policy !== undefined && policy !== 'noeviction') {
    findings.push({
      severity: 'error',
      problem: `Redis may evict keys (maxmemory-policy ${policy}): batches would vanish`,
      fix: 'set maxmemory-policy noeviction',
    });
  }
  if (fields.get('aof_enabled') === '0') {
    findings.push({
      severity: 'warning',
      problem: 'Redis keeps no append-only file: a restart loses batches that it acknowledged',
      fix: 'set appendonly yes',
    });
  }
  if (fields.get('role') === 'slave') {
    findings.push({
      severity: 'error',
      problem: 'Redis is a replica: it takes no writes',
      fix: 'point REDIS_URL to its master',
    });
  }
  const memoryUsed = memoryUsedRatio(info);
  if (memoryUsed !== null && memoryUsed > MUCH_MEMORY) {
    findings.push({
      severity: 'warning',
      problem: `Redis uses ${Math.round(memoryUsed * 100)} % of its memory: full, it takes no batches`,
      fix: 'raise its maxmemory, or keep ended batches for less time',
    });
  }
  if (replicaAckTimeoutMs > 0 && fields.get('connected_slaves') === '0') {
    findings.push({
      severity: 'error',
      problem: 'Redis has no replica, and REPLICA_ACK_TIMEOUT_MS waits for one: nothing is sent',
      fix: 'connect a replica, or set REPLICA_ACK_TIMEOUT_MS to 0',
    });
  }
  return findings;
}

/** Memory that Redis uses, as a share of its maxmemory, or of its host without one. Null: it does not say. */
export function memoryUsedRatio(info: string): number | null {
  const bytes = (field: string) => Number(new RegExp(`^${field}:(\\d+)`, 'm').exec(info)?.[1] ?? 0);
  const most = bytes('maxmemory') || bytes('total_system_memory');
  return most === 0 ? null : bytes('used_memory') / most;
}

function isOlder(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return !(major > MIN_VERSION[0] || (major === MIN_VERSION[0] && minor >= MIN_VERSION[1]));
}
