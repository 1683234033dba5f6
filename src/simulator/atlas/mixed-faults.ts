/** All faults of the simulated Atlas at once, each as likely as any other of its endpoint. */

import { EMPTY_VALUES } from '../fault-rules.js';
import {
  type AtlasEndpoint,
  type AtlasFaultKind,
  type AtlasFaultPlan,
  type AtlasFaultRule,
  bindToEndpoints,
} from './atlas-faults.js';

type Form = Omit<AtlasFaultRule, 'fault' | 'probability'>;

const ENDPOINTS: readonly AtlasEndpoint[] = ['authtoken', 'multiupload', 'extracts'];
const AS_IT_IS: readonly Form[] = [{}];
const JSON_AND_HTML: readonly Form[] = [{}, { body: 'html' }];
const NOT_READY: readonly Form[] = [{ endpoint: 'extracts', body: 'empty' }];
/** Between pages of another size a short one hides extracts, and its total is right all the same. */
const FIRST_PAGE: readonly Form[] = [{ match: ({ page = 1 }) => page === 1 }];
const PASSED = 'Wed, 21 Oct 2015 07:28:00 GMT';
/** One more than is read of a body. */
const TOO_LARGE_BYTES = 32 * 1024 * 1024 + 1;

/** The forms of each fault that are tried; without an endpoint, at each. */
const FORMS: Readonly<Record<AtlasFaultKind, readonly Form[]>> = {
  200: NOT_READY,
  202: [...NOT_READY, { endpoint: 'extracts' }],
  204: NOT_READY,
  302: AS_IT_IS,
  400: JSON_AND_HTML,
  401: JSON_AND_HTML,
  403: JSON_AND_HTML,
  404: JSON_AND_HTML,
  409: AS_IT_IS,
  413: AS_IT_IS,
  422: AS_IT_IS,
  429: [{ retryAfter: '1' }, { retryAfter: '-5' }, { retryAfter: 'soon' }, { retryAfter: PASSED }],
  500: [...JSON_AND_HTML, { handled: true }],
  502: [...JSON_AND_HTML, { handled: true }],
  503: [...JSON_AND_HTML, { retryAfter: '1' }],
  504: [...JSON_AND_HTML, { handled: true }],
  hang: AS_IT_IS,
  'hang-after': AS_IT_IS,
  'reset-before': AS_IT_IS,
  'reset-after': AS_IT_IS,
  'cut-body': AS_IT_IS,
  'idle-close': [{ delayMs: 2000 }],
  slow: [{ delayMs: 300 }],
  late: [{ delayMs: 300 }],
  'html-200': AS_IT_IS,
  'truncated-json': AS_IT_IS,
  'nearly-json': [
    { flaw: 'comma' },
    { flaw: 'mark' },
    { flaw: 'before' },
    { flaw: 'after' },
    { flaw: 'twice' },
    { flaw: 'string' },
  ],
  'huge-body': [{ bytes: TOO_LARGE_BYTES }],
  'expire-tokens': AS_IT_IS,
  redirect: AS_IT_IS,
  compressed: [
    { encoding: 'gzip' },
    { encoding: 'deflate' },
    { encoding: 'br' },
    { unnamed: true },
    { encoding: 'deflate', unnamed: true },
    { encoding: 'br', mislabelled: true },
  ],
  charset: [
    { charset: 'iso-8859-1' },
    { charset: 'windows-1252' },
    { charset: 'utf-16le' },
    { unnamed: true },
    { charset: 'utf-16le', mislabelled: true },
  ],
  'empty-page': AS_IT_IS,
  'wrong-page': AS_IT_IS,
  endless: AS_IT_IS,
  'repeat-page': AS_IT_IS,
  'foreign-ids': [{ count: 11 }],
  'has-next-false': AS_IT_IS,
  'one-page-more': [{ status: 404 }, { status: 416 }, { status: 500 }],
  'last-page-again': AS_IT_IS,
  'short-pages': FIRST_PAGE,
  'total-too-high': AS_IT_IS,
  'total-too-low': AS_IT_IS,
  'text-totals': AS_IT_IS,
  'object-for-list': AS_IT_IS,
  'null-data': AS_IT_IS,
  'status-only': AS_IT_IS,
  'no-file-data': AS_IT_IS,
  'null-file-data': AS_IT_IS,
  'empty-file-data': EMPTY_VALUES.map((empty) => ({ empty })),
  'not-a-number': AS_IT_IS,
  'blank-ids': AS_IT_IS,
  'number-ids': AS_IT_IS,
  'padded-ids': AS_IT_IS,
  'changed-ids': AS_IT_IS,
  'huge-extracts': [{ bytes: 100_000 }],
  'no-batch-id': AS_IT_IS,
  'same-batch-id': AS_IT_IS,
  'number-batch-id': [{}, { long: true }],
  'padded-batch-id': AS_IT_IS,
  conflict: AS_IT_IS,
};

/**
 * Faults for `setFaults`: this share of the requests of each endpoint meets one, drawn from the seed.
 * Some need more than that to be felt: a `conflict` needs documents that Atlas has.
 */
export function mixedAtlasFaults({ rate, seed }: { rate: number; seed?: number }): AtlasFaultPlan {
  const { rules } = bindToEndpoints({
    rules: Object.entries(FORMS).flatMap(([name, forms]) => {
      const fault = (/^\d+$/.test(name) ? Number(name) : name) as AtlasFaultKind;
      return forms.map((form) => ({ fault, ...form }));
    }),
  });
  const mixed = ENDPOINTS.flatMap((endpoint) => {
    const own = rules.filter((rule) => (rule.endpoint ?? endpoint) === endpoint);
    const kinds = new Set(own.map(({ fault }) => fault)).size;
    let before = 0;
    return own.map((rule) => {
      const forms = own.filter(({ fault }) => fault === rule.fault).length;
      const share = rate / kinds / forms;
      // A rule is asked only when none before it applied.
      const probability = share / (1 - before);
      before += share;
      return { ...rule, endpoint, probability };
    });
  });
  return { rules: mixed, ...(seed !== undefined && { seed }) };
}
