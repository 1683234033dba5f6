/** What the client tells others about itself, for logs and metrics. Nothing here holds secrets. */

export type Endpoint = 'authtoken' | 'multiupload' | 'extracts';

export type BreakerState = 'closed' | 'half-open' | 'open';

/** Two kinds of work share the budget: uploads, and polls of their results. */
export type RequestClass = 'upload' | 'poll';

/** Callbacks for metrics. They must not throw. */
export interface AtlasObserver {
  /** One HTTP request ended. `code` is the status, or a word such as `ECONNREFUSED`. */
  requested?(event: { endpoint: Endpoint; code: string; seconds: number }): void;
  /** Atlas gave this process a token. */
  tokenFetched?(): void;
  breakerChanged?(state: BreakerState): void;
  /** A request asked the budget: it waited so long, and was let through or sent back. */
  budgetAsked?(event: { requestClass: RequestClass; seconds: number; granted: boolean }): void;
  /** A 429 blocks every process for so long. */
  blocked?(event: { milliseconds: number }): void;
}
