/** What became of an HTTP request, as a value. */
import type { BodyForm } from './body-text.js';

/**
 * Why there is no response. `not-sent`: it never reached the other side (refused, unresolved, connect
 * time-out, TLS, no free connection in time, a proxy that refuses). The others came after it did: `timed-out`, `cut` (reset or
 * closed before the response was whole), `too-large`, `not-text` (the body is not what its headers say).
 */
export type HttpFailure = 'not-sent' | 'timed-out' | 'cut' | 'too-large' | 'not-text';

export type ResponseHeaders = Readonly<Record<string, string | string[] | undefined>>;

export type HttpResult =
  /**
   * `body` is what the policy asks for, and otherwise empty.
   * `guessed`: its charset is, so letters beyond ASCII may be wrong.
   */
  | {
      kind: 'response';
      status: number;
      body: string;
      retryAfter: string | undefined;
      form: BodyForm;
      /** As they came, names in small letters. */
      headers: ResponseHeaders;
      guessed: boolean;
    }
  /** `code` is the system's or undici's name for it, such as `ECONNREFUSED`. */
  | { kind: 'failed'; failure: HttpFailure; code: string };
