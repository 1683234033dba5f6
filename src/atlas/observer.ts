/** The events of the client, for logs and metrics. They hold no secrets. */

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
  /** Atlas refuses the credentials from now on, or takes them again. */
  credentialsChanged?(accepted: boolean): void;
  /** A request waited this long for the budget, and was granted or denied. */
  budgetAsked?(event: { requestClass: RequestClass; seconds: number; granted: boolean }): void;
  /** A 429 blocks every process for this long. */
  blocked?(event: { milliseconds: number }): void;
}
