/** What faults there are, and how a rule says when one happens. */

/** A status code is a fault too: the request is answered with it, and is not carried out. */
export const STATUS_FAULTS = [
  200, 202, 204, 302, 400, 401, 403, 404, 409, 413, 422, 429, 500, 502, 503, 504,
] as const;

/**
 * Faults of the connection, the same for both stand-ins. `hang` and `reset-before` leave the
 * request undone; `hang-after`, `reset-after` and `cut-body` carry it out first. `idle-close` answers,
 * and closes the connection without a word when nothing has come over it for `delayMs`. `slow` carries
 * the request out and answers later; of a `late` one nothing is done before.
 */
export const CONNECTION_FAULTS = [
  'hang',
  'hang-after',
  'reset-before',
  'reset-after',
  'cut-body',
  'idle-close',
  'slow',
  'late',
] as const;
export type ConnectionFault = (typeof CONNECTION_FAULTS)[number];

/** The values that settings of a rule may have. */
export const BODIES = ['json', 'html', 'text', 'empty'] as const;
export const EMPTY_VALUES = ['{}', '[]', '""', '"oops"', 'false', '7', '[null]'] as const;
export const FLAWS = ['comma', 'mark', 'before', 'after', 'twice', 'string'] as const;
export const STATUSES_OF_HABITS = [301, 400, 404, 416, 500] as const;
export const ENCODINGS = ['gzip', 'deflate', 'br'] as const;
export const CHARSETS = ['iso-8859-1', 'windows-1252', 'utf-16le'] as const;

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
  body?: (typeof BODIES)[number];
  /** For status faults: carry the request out before answering with the status. */
  handled?: boolean;
  /** For `slow` and `late`: how much later. For `idle-close`: see there. Default 1,000 ms. */
  delayMs?: number;
  /** For `late`, instead of a time: what has to happen before. */
  until?: Promise<unknown>;
  /** For `number-batch-id`: more than a double holds. */
  long?: boolean;
  /** For `empty-file-data`: what it is. Default `{}`. */
  empty?: (typeof EMPTY_VALUES)[number];
  /** For `nearly-json`: what is wrong with the text. Default `comma`. */
  flaw?: (typeof FLAWS)[number];
  /** For `huge-body`: its size, default 64 MiB. For `huge-extracts`: of each, default 1 MiB. */
  bytes?: number;
  /** For faults of single items: of how many, on each page. For totals: how much is wrong. Default 1. */
  count?: number;
  /** For `one-page-more`: of the page that is not there, default 404. For `another-region`: 301 or 400. */
  status?: (typeof STATUSES_OF_HABITS)[number];
  /** For `another-region`: in which the bucket lies. */
  region?: string;
  /** For `compressed`. Default `gzip`. */
  encoding?: (typeof ENCODINGS)[number];
  /** For `charset`. Default `iso-8859-1`. */
  charset?: (typeof CHARSETS)[number];
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
