/** The faults of the simulated Atlas, and the responses that they bring. */
import zlib from 'node:zlib';
import type { KnownFaults } from '../check-faults.js';
import type { Fault } from '../exchange.js';
import {
  CONNECTION_FAULTS,
  type FaultPlan,
  type FaultRule,
  STATUS_FAULTS,
} from '../fault-rules.js';
import type { Answer } from '../http-server.js';

/** The endpoints of the stand-in, as counters and fault rules name them. */
const ENDPOINTS = ['authtoken', 'multiupload', 'extracts', 'other'] as const;
export type AtlasEndpoint = (typeof ENDPOINTS)[number];

/** Faults that belong to one endpoint, with that endpoint. */
const ENDPOINT_OF = {
  /** 200 with no extract at all. */
  'empty-page': 'extracts',
  /** Answers with the page after the one that was asked for. */
  'wrong-page': 'extracts',
  /** `has_next` is always true, and there is always another page. */
  endless: 'extracts',
  /** The list grew between two reads: a page starts with the last extract of the one before. */
  'repeat-page': 'extracts',
  /** The list ends with `count` extracts of ids that were never sent. */
  'foreign-ids': 'extracts',
  /** Claims `has_next` false although a whole document follows. */
  'has-next-false': 'extracts',
  /** The last page says `has_next` too, and the page after it is answered with `status`. */
  'one-page-more': 'extracts',
  /** The same, and the page after it is the last page again, under its own number. */
  'last-page-again': 'extracts',
  /** Pages have `count` extracts at most (default 2), and say nothing of others but `total_items`. */
  'short-pages': 'extracts',
  /** `total_items` is `count` too high. */
  'total-too-high': 'extracts',
  /** `total_items` is `count` too low. */
  'total-too-low': 'extracts',
  /** Totals, `page`, `per_page` and `has_next` are text: "5", "false". */
  'text-totals': 'extracts',
  /** A list of one is that one, and an empty list is `{}`. */
  'object-for-list': 'extracts',
  /** Not ready: 200 with `{"data":null}`. */
  'null-data': 'extracts',
  /** The same as 200 with `{"status":"PROCESSING"}`. */
  'status-only': 'extracts',
  /** The first `count` items of a page have no `file_data`. */
  'no-file-data': 'extracts',
  /** Theirs is `null`. */
  'null-file-data': 'extracts',
  /** Theirs is `empty`. */
  'empty-file-data': 'extracts',
  /** Theirs holds a `NaN`, which is no JSON. */
  'not-a-number': 'extracts',
  /** Their `document_id` is blank. */
  'blank-ids': 'extracts',
  /** Ids such as "17" are numbers; "017" stays text. */
  'number-ids': 'extracts',
  /** Every `document_id` is filled up with blanks, as columns of a fixed width are. */
  'padded-ids': 'extracts',
  /** Every `document_id` has its letters in the other case, and a character before them that nobody sees. */
  'changed-ids': 'extracts',
  /** Each `file_data` is `bytes` larger. */
  'huge-extracts': 'extracts',
  /** The upload is accepted and the batch exists, but the response does not name it. */
  'no-batch-id': 'multiupload',
  /** No batch is made; the answer names the newest earlier one. */
  'same-batch-id': 'multiupload',
  /** The `batch_id` is a number. */
  'number-batch-id': 'multiupload',
  /** Blanks and a line break stand around the `batch_id`. */
  'padded-batch-id': 'multiupload',
  /** 409 for documents that an earlier upload brought. */
  conflict: 'multiupload',
} as const;

/** Faults of any endpoint. */
const ANYWHERE = [
  /** 200 with a web page; nothing is carried out. */
  'html-200',
  /** Carried out; 200 with the first half of the body. */
  'truncated-json',
  /**
   * Carried out; the body is JSON but for a `flaw`: a comma after the last member, a byte order mark, a
   * warning before or after it, the whole of it twice, or as a string.
   */
  'nearly-json',
  /** 200 with a body of `bytes` bytes that never becomes a whole document. */
  'huge-body',
  /** Forgets every token before it handles the request. */
  'expire-tokens',
  /** 302 to `location`; nothing is carried out. */
  'redirect',
  /** Carried out; the body is compressed though nobody asked for it. */
  'compressed',
  /** Carried out; the body is in another `charset`, which `Content-Type` names. */
  'charset',
] as const;

export type AtlasFaultKind =
  | (typeof STATUS_FAULTS)[number]
  | (typeof CONNECTION_FAULTS)[number]
  | (typeof ANYWHERE)[number]
  | keyof typeof ENDPOINT_OF;

export const KNOWN_ATLAS_FAULTS: KnownFaults = {
  faults: [...STATUS_FAULTS, ...CONNECTION_FAULTS, ...ANYWHERE, ...Object.keys(ENDPOINT_OF)],
  endpoints: ENDPOINTS,
};

/** What the `match` of a rule gets of a request. */
export interface AtlasRequestView {
  endpoint: AtlasEndpoint;
  /** Of `extracts`, as asked. */
  batchId?: string | undefined;
  page?: number | undefined;
  /** Extracts on a page, as asked, and at most as many as the simulator gives. */
  perPage?: number | undefined;
  /** Of `multiupload`, where the body is sound. */
  productType?: string | undefined;
  /** Size of the body. */
  bytes: number;
  documentIds?: readonly string[] | undefined;
}

export type AtlasFaultRule = FaultRule<AtlasEndpoint, AtlasFaultKind, AtlasRequestView>;
export type AtlasFaultPlan = FaultPlan<AtlasEndpoint, AtlasFaultKind, AtlasRequestView>;

/** Faults that belong to one endpoint are bound to it, so that no other request uses them up. */
export function bindToEndpoints(plan: AtlasFaultPlan): AtlasFaultPlan {
  const rules = plan.rules.map((rule) => {
    const ofOneEndpoint: Partial<Record<AtlasFaultKind, AtlasEndpoint>> = ENDPOINT_OF;
    const endpoint = ofOneEndpoint[rule.fault] ?? rule.endpoint;
    return endpoint === undefined ? rule : { ...rule, endpoint };
  });
  return { ...plan, rules };
}

const DEFAULT_HUGE_BYTES = 64 * 1024 * 1024;
const PIECE_BYTES = 65_536;
const NOWHERE = 'http://127.0.0.1:9/elsewhere';
const HTML = '<!DOCTYPE html><html><head><title>Gateway</title></head><body>Oops</body></html>';

/** The answer of a fault that takes the place of the endpoint; undefined for other faults. */
export function answerInstead(
  fault: Fault | undefined,
  sent: (bytes: number) => void,
): Answer | undefined {
  switch (fault?.fault) {
    case 'html-200':
      return { status: 200, headers: { 'content-type': 'text/html' }, body: HTML };
    case 'redirect':
      return { status: 302, headers: { location: fault.location ?? NOWHERE } };
    case 'huge-body':
      return {
        status: 200,
        headers: { 'content-type': 'application/json' },
        pieces: hugeBody(fault.bytes ?? DEFAULT_HUGE_BYTES, sent),
      };
    default:
      return undefined;
  }
}

function* hugeBody(bytes: number, sent: (bytes: number) => void): Generator<Buffer> {
  const start = Buffer.from('{"data":[{"document_id":"');
  sent(start.length);
  yield start;
  const piece = Buffer.alloc(PIECE_BYTES, 'x');
  for (let left = bytes - start.length; left > 0; left -= PIECE_BYTES) {
    sent(Math.min(left, PIECE_BYTES));
    yield left < PIECE_BYTES ? piece.subarray(0, left) : piece;
  }
}

/** The response of an endpoint, damaged as the fault says. */
export function maim(answer: Answer, fault: Fault | undefined): Answer {
  const body = Buffer.from(answer.body ?? '');
  switch (fault?.fault) {
    case 'truncated-json':
      return { ...answer, body: body.subarray(0, Math.floor(body.length / 2)) };
    case 'nearly-json':
      return { ...answer, body: FLAWED[fault.flaw ?? 'comma'](body.toString()) };
    case 'compressed': {
      const { encoding = 'gzip' } = fault;
      const headers = { ...answer.headers, 'content-encoding': encoding };
      if (fault.mislabelled) return { ...answer, headers };
      const compressed = { ...answer, body: COMPRESS[encoding](body) };
      return fault.unnamed ? compressed : { ...compressed, headers };
    }
    case 'charset': {
      const { charset = 'iso-8859-1' } = fault;
      const headers = { ...answer.headers, 'content-type': `application/json; charset=${charset}` };
      if (fault.mislabelled) return { ...answer, headers };
      const encoded = { ...answer, body: encode(body.toString(), charset) };
      return fault.unnamed ? encoded : { ...encoded, headers };
    }
    default:
      return answer;
  }
}

const WARNING = '<br />\n<b>Warning</b>: Undefined index {scan} in <b>/srv/app.php</b><br />\n';
const FLAWED: Readonly<Record<NonNullable<Fault['flaw']>, (json: string) => string>> = {
  comma: (json) => json.replace('],"page":', ',],"page":').replace(/}$/, ',}'),
  mark: (json) => `\ufeff${json}`,
  before: (json) => WARNING + json,
  after: (json) => `${json}\n${WARNING}`,
  twice: (json) => json + json,
  string: (json) => JSON.stringify(json),
};

const COMPRESS = {
  gzip: zlib.gzipSync,
  deflate: zlib.deflateSync,
  br: zlib.brotliCompressSync,
};

/** What a charset of one byte cannot hold is escaped. */
function encode(json: string, charset: NonNullable<Fault['charset']>): Buffer {
  if (charset === 'utf-16le') return Buffer.from(json, 'utf16le');
  const escaped = (unit: string) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return Buffer.from(json.replace(/[^\0-\x7f\xa0-\xff]/g, escaped), 'latin1');
}

/** An error of Atlas; the form of its bodies is not documented. */
export function refusal(
  status: number,
  message: string,
  more: Readonly<Record<string, unknown>> = {},
): Answer {
  return {
    status,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ message, ...more }),
  };
}
