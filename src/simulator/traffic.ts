/** Counts of requests and bytes by endpoint, and the newest single requests. */

/** The log keeps at least this many of the newest requests, at most twice as many. */
const LOG_LIMIT = 100_000;

/** One request and its response. */
export interface RequestRecord<Endpoint extends string> {
  endpoint: Endpoint;
  /** Arrival, in milliseconds of `performance.now()` of this process. */
  at: number;
  /** Status of the answer; 0 when there was none (cut or left hanging). */
  status: number;
  /** Bytes of the answer's body that were sent. */
  bytes: number;
}

export interface RequestCounters<Endpoint extends string> {
  /** How many requests so far: all, of one endpoint, or of one endpoint with one status. */
  count(endpoint?: Endpoint, status?: number): number;
  /** `{ extracts: { 200: 12, 401: 1 } }`; status 0 stands for no answer. */
  table(): Record<string, Record<number, number>>;
  /** Body bytes sent: all, or of one endpoint. */
  bytesSent(endpoint?: Endpoint): number;
  /** Calls the listener for each request when its answer is decided; returns how to stop that. */
  onRequest(listener: (record: RequestRecord<Endpoint>) => void): () => void;
}

export class Traffic<Endpoint extends string> implements RequestCounters<Endpoint> {
  readonly #counts = new Map<Endpoint, Map<number, number>>();
  readonly #bytes = new Map<Endpoint, number>();
  readonly #listeners = new Set<(record: RequestRecord<Endpoint>) => void>();
  #log: RequestRecord<Endpoint>[] = [];

  add(record: RequestRecord<Endpoint>): void {
    const { endpoint, status, bytes } = record;
    const statuses = this.#counts.get(endpoint) ?? new Map<number, number>();
    this.#counts.set(endpoint, statuses.set(status, (statuses.get(status) ?? 0) + 1));
    this.addBytes(endpoint, bytes);
    this.#log.push(record);
    if (this.#log.length >= 2 * LOG_LIMIT) this.#log = this.#log.slice(-LOG_LIMIT);
    for (const listener of this.#listeners) listener(record);
  }

  /** Bytes of an answer that is sent piece by piece, beyond those of its record. */
  addBytes(endpoint: Endpoint, bytes: number): void {
    this.#bytes.set(endpoint, (this.#bytes.get(endpoint) ?? 0) + bytes);
  }

  /** As at the start; listeners stay. */
  reset(): void {
    this.#counts.clear();
    this.#bytes.clear();
    this.#log = [];
  }

  count(endpoint?: Endpoint, status?: number): number {
    const counted = endpoint === undefined ? [...this.#counts.keys()] : [endpoint];
    const entries = counted.flatMap((each) => [...(this.#counts.get(each) ?? [])]);
    const wanted = entries.filter(([key]) => status === undefined || status === key);
    return wanted.reduce((sum, [, value]) => sum + value, 0);
  }

  table(): Record<string, Record<number, number>> {
    return Object.fromEntries(
      [...this.#counts].map(([endpoint, statuses]) => [endpoint, Object.fromEntries(statuses)]),
    );
  }

  bytesSent(endpoint?: Endpoint): number {
    if (endpoint !== undefined) return this.#bytes.get(endpoint) ?? 0;
    return [...this.#bytes.values()].reduce((sum, bytes) => sum + bytes, 0);
  }

  /** The newest requests, oldest first. */
  log(endpoint?: Endpoint): RequestRecord<Endpoint>[] {
    return this.#log.filter((record) => endpoint === undefined || record.endpoint === endpoint);
  }

  onRequest(listener: (record: RequestRecord<Endpoint>) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }
}
