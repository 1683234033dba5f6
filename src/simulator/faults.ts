/**
 * Faults on purpose. Rules say which fault can happen to which request. A seeded stream of numbers
 * decides whether it does, so that the same requests in the same order have the same faults.
 *
 * The first rule that applies to a request wins: a request has at most one fault.
 */
import { type Random, randomFrom } from './random.js';

/** A status code is a fault too: the request is answered with it, and is not carried out. */
export type StatusFault = 200 | 202 | 204 | 302 | ClientErrorStatus | 500 | 502 | 503 | 504;
type ClientErrorStatus = 400 | 401 | 403 | 404 | 409 | 413 | 422 | 429;

/**
 * Faults of the connection, the same for both stand-ins. `hang` and `reset-before` leave the
 * request undone; `hang-after`, `reset-after` and `cut-body` carry it out first. `idle-close` answers,
 * and closes the connection without a word when nothing has come over it for `delayMs`. `slow` carries
 * the request out and answers later; of a `late` one nothing is done before.
 */
export type ConnectionFault =
  | 'hang'
  | 'hang-after'
  | 'reset-before'
  | 'reset-after'
  | 'cut-body'
  | 'idle-close'
  | 'slow'
  | 'late';

/** When a fault happens, and its details. Times count from `setFaults`. */
export interface FaultRule<Endpoint extends string, Kind extends string | number, View> {
  fault: Kind;
  /** Only requests of this endpoint; without it, of every one. */
  endpoint?: Endpoint;
  /** Only requests for which this is true. */
  match?: (request: View) => boolean;
  /** In [0, 1]; without it, the `rate` of all rules. */
  probability?: number;
  /** The rule holds from here (default 0) … */
  fromMs?: number;
  /** … until here (default: for ever). */
  untilMs?: number;
  /** The rule ends after this many faults. */
  times?: number;
  /** For status faults: the `Retry-After` header, word for word, even when it makes no sense. */
  retryAfter?: string;
  /** For status faults: the form of the body. Default `json`. */
  body?: 'json' | 'html' | 'text' | 'empty';
  /** For status faults: carry the request out before answering with the status. */
  handled?: boolean;
  /** For `slow` and `late`: how much later. For `idle-close`: see there. Default 1,000 ms. */
  delayMs?: number;
  /** For `late`, instead of a time: what has to happen before. */
  until?: Promise<unknown>;
  /** For `number-batch-id`: more than a double holds. */
  long?: boolean;
  /** For `empty-file-data`: what it is. Default `{}`. */
  empty?: '{}' | '[]' | '""';
  /** For `nearly-json`: what is wrong with the text. Default `comma`. */
  flaw?: 'comma' | 'mark' | 'before' | 'after' | 'twice' | 'string';
  /** For `huge-body`: its size, default 64 MiB. For `huge-extracts`: of each, default 1 MiB. */
  bytes?: number;
  /** For faults of single items: of how many, on each page. For totals: how much is wrong. Default 1. */
  count?: number;
  /** For `one-page-more`: of the page that is not there, default 404. For `another-region`: 301 or 400. */
  status?: 301 | 400 | 404 | 416 | 500;
  /** For `another-region`: in which the bucket lies. */
  region?: string;
  /** For `compressed`. Default `gzip`. */
  encoding?: 'gzip' | 'deflate' | 'br';
  /** For `charset`. Default `iso-8859-1`. */
  charset?: 'iso-8859-1' | 'windows-1252' | 'utf-16le';
  /** For `compressed` and `charset`: no header says so. */
  unnamed?: boolean;
  /** For `compressed` and `charset`: a header says so, and the body is plain UTF-8. */
  mislabelled?: boolean;
  /** For redirects: where to. */
  location?: string;
}

export interface FaultPlan<Endpoint extends string, Kind extends string | number, View> {
  /** Default: the simulator's own seed. */
  seed?: number;
  /** Probability of rules that name none. Default 1. */
  rate?: number;
  rules: readonly FaultRule<Endpoint, Kind, View>[];
  /** Told of each fault that happens, and to which request. */
  onFault?: (rule: FaultRule<Endpoint, Kind, View>, request: View) => void;
}

export class FaultEngine<Endpoint extends string, Kind extends string | number, View> {
  readonly #fired: Record<string, number> = {};
  /** `left`: how often a rule may still apply. */
  #rules: { rule: FaultRule<Endpoint, Kind, View>; left: number }[] = [];
  #rate = 1;
  #onFault: FaultPlan<Endpoint, Kind, View>['onFault'];
  #random: Random;
  #setAt = 0;

  constructor(private readonly seed: number) {
    this.#random = randomFrom(seed);
  }

  /** Replaces all rules; their windows start now. */
  set(plan: FaultPlan<Endpoint, Kind, View>): void {
    this.#rules = plan.rules.map((rule) => ({ rule, left: rule.times ?? Infinity }));
    this.#rate = plan.rate ?? 1;
    this.#onFault = plan.onFault;
    this.#random = randomFrom(plan.seed ?? this.seed);
    this.#setAt = performance.now();
  }

  clear(): void {
    this.#rules = [];
  }

  /** How often each fault happened since the start; `clear` keeps the numbers. */
  fired(): Record<string, number> {
    return { ...this.#fired };
  }

  /** The fault of this request, if any. */
  choose(endpoint: Endpoint, view: View): FaultRule<Endpoint, Kind, View> | undefined {
    const elapsedMs = performance.now() - this.#setAt;
    for (const armed of this.#rules) {
      const { fault, match, fromMs = 0, untilMs = Infinity, probability = this.#rate } = armed.rule;
      if (armed.left <= 0) continue;
      if (armed.rule.endpoint !== undefined && armed.rule.endpoint !== endpoint) continue;
      if (elapsedMs < fromMs || elapsedMs >= untilMs) continue;
      if (match !== undefined && !match(view)) continue;
      // Drawn last: only a request that the rule applies to uses up a number.
      if (this.#random() >= probability) continue;
      armed.left -= 1;
      const name = String(fault);
      this.#fired[name] = (this.#fired[name] ?? 0) + 1;
      this.#onFault?.(armed.rule, view);
      return armed.rule;
    }
    return undefined;
  }
}
