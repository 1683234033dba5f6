/** The S3 stand-in: verifies signatures, stores objects, and has faults on demand. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { KnownFaults } from '../check-faults.js';
import { answerUnderFault } from '../exchange.js';
import {
  CONNECTION_FAULTS,
  type ConnectionFault,
  type FaultPlan,
  type FaultRule,
} from '../fault-rules.js';
import { FaultEngine } from '../faults.js';
import { type Answer, listen, readBody } from '../http-server.js';
import { DEFAULT_SEED, type StandIn, type StandInOptions, standIn } from '../stand-in.js';
import { Traffic } from '../traffic.js';
import { DiskShelf } from './disk-shelf.js';
import { ObjectStore, type ObjectVersion, type StoredObject } from './object-store.js';
import { payloadOf } from './payload.js';
import { falseSuccessBy, refusalBy, S3_HABITS, type S3Habit, withHabit } from './s3-habits.js';
import { type ConditionalWrites, operate } from './s3-operations.js';
import {
  parseRequest,
  S3_OPERATIONS,
  type S3Operation,
  type S3Target,
  targetOf,
} from './s3-request.js';
import { errorAnswer, S3_ERROR_CODES, S3Error } from './s3-xml.js';
import { SignatureVerifier } from './sigv4.js';

/** No part of this project sends more in one request; S3 itself takes 5 GiB. */
const MAX_BODY_BYTES = 1024 * 1024 * 1024;
/** What `put` writes when no content type is given. */
const DEFAULT_CONTENT_TYPE = 'application/octet-stream';

/** Status faults answer with the error document that S3 sends with that status. */
const STATUSES = [403, 404, 409, 500, 503] as const;
export type S3FaultKind = (typeof STATUSES)[number] | ConnectionFault | S3Habit;
export type S3FaultRule = FaultRule<S3Operation, S3FaultKind, S3Target>;
export type S3FaultPlan = FaultPlan<S3Operation, S3FaultKind, S3Target>;

const KNOWN_FAULTS: KnownFaults = {
  faults: [...STATUSES, ...CONNECTION_FAULTS, ...S3_HABITS, ...S3_ERROR_CODES],
  endpoints: S3_OPERATIONS,
};

/** What cannot even be parsed. */
const UNREADABLE: S3Target = {
  operation: 'other',
  bucket: '',
  key: '',
  versionId: undefined,
  signedIn: 'nowhere',
  region: '',
  encryption: undefined,
};
const INTERNAL_ERROR = new S3Error('InternalError', 'We encountered an error.');
const STATUS_ERRORS: ReadonlyMap<number, S3Error> = new Map([
  [403, new S3Error('AccessDenied', 'Access Denied')],
  [404, new S3Error('NoSuchKey', 'The specified key does not exist.')],
  [409, new S3Error('ConditionalRequestConflict', 'A conflicting operation is under way.')],
  [503, new S3Error('SlowDown', 'Please reduce your request rate.')],
]);

export interface S3SimulatorOptions extends StandInOptions {
  /** Buckets are hosts under this name: `<bucket>.<baseHost>`. Default `localhost`. */
  baseHost?: string | undefined;
  /** Keeps objects there; without it, in memory. */
  directory?: string | undefined;
  /** Created at start, and only they exist. Without it any bucket appears with its first PUT. */
  buckets?: readonly string[] | undefined;
  accessKeyId?: string | undefined;
  secretAccessKey?: string | undefined;
  /** The token of temporary credentials. When it is set, every request must carry it. */
  sessionToken?: string | undefined;
  /** Default `us-east-1`. */
  region?: string | undefined;
  /** Milliseconds since 1970. Default: this machine's clock. */
  clock?: (() => number) | undefined;
  /**
   * Whether buckets keep every version of an object, also of one that was deleted. Default false. Past versions
   * are kept in memory only.
   */
  versioned?: boolean | undefined;
  /** Default `known`. Many stores other than S3 refuse conditions of uploads, or ignore them. */
  conditionalWrites?: ConditionalWrites | undefined;
  /** Default true. False saves their cost in benchmarks. */
  verifySignatures?: boolean | undefined;
}

export interface S3Simulator extends StandIn<S3Operation, S3FaultPlan> {
  /**
   * The endpoint for path style. For virtual-host style it is `http://<baseHost>:<port>`, and the
   * caller must resolve `<bucket>.<baseHost>`, which not every machine does for `localhost`.
   */
  url: string;
  accessKeyId: string;
  secretAccessKey: string;
  region: string;
  put(bucket: string, key: string, body: string | Uint8Array, contentType?: string): void;
  get(bucket: string, key: string): StoredObject | undefined;
  /** Keys in order. */
  list(bucket: string, prefix?: string): string[];
  /** Every version in the order of the keys, the latest first of each. */
  versions(bucket: string, prefix?: string): ObjectVersion[];
}

/** Starts an S3 on a port of this machine. */
export async function startS3Simulator(options: S3SimulatorOptions = {}): Promise<S3Simulator> {
  const accessKeyId = options.accessKeyId ?? 'simulator-access-key';
  const secretAccessKey = options.secretAccessKey ?? 'simulator-secret-key';
  const region = options.region ?? 'us-east-1';
  const clock = options.clock ?? Date.now;
  const shelf = options.directory === undefined ? undefined : new DiskShelf(options.directory);
  const store = new ObjectStore(clock, shelf, options.versioned);
  const createBuckets = () => {
    for (const bucket of options.buckets ?? []) store.createBucket(bucket);
  };
  createBuckets();
  const context = {
    store,
    region,
    createsBuckets: options.buckets === undefined,
    conditionalWrites: options.conditionalWrites ?? 'known',
  };
  const { sessionToken } = options;
  const credentials = { accessKeyId, secretAccessKey, sessionToken };
  const verifier =
    options.verifySignatures === false
      ? undefined
      : new SignatureVerifier(credentials, region, clock);
  const faults = new FaultEngine<S3Operation, S3FaultKind, S3Target>(options.seed ?? DEFAULT_SEED);
  const traffic = new Traffic<S3Operation>();
  const baseHost = options.baseHost ?? 'localhost';

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const at = performance.now();
    const raw = await readBody(request, MAX_BODY_BYTES).catch(() => null);
    if (raw === null) return;
    let target = UNREADABLE;
    let fault: S3FaultRule | undefined;
    let carryOut: () => Answer;
    try {
      const signed = parseRequest(request);
      target = targetOf(signed, baseHost);
      fault = faults.choose(target.operation, target);
      carryOut = () => {
        if (raw === undefined) throw new S3Error('EntityTooLarge', 'The body is too large.');
        const refusal = refusalBy(fault, target);
        if (refusal) throw refusal;
        const falseSuccess = falseSuccessBy(fault);
        if (falseSuccess) return falseSuccess;
        const payloadHash = verifier?.verify(signed, fault?.region);
        const body = payloadOf(raw, request.headers, payloadHash);
        return withHabit(fault, target, operate(context, signed, target, body));
      };
    } catch (error) {
      carryOut = () => {
        throw error;
      };
    }
    const endpoint = target.operation;
    const count = (status: number, bytes: number) => traffic.add({ endpoint, at, status, bytes });
    await answerUnderFault(
      { request, response, count },
      fault,
      async () => refusalsAsAnswers(request, carryOut),
      (status) => errorAnswer(STATUS_ERRORS.get(status) ?? INTERNAL_ERROR, '/'),
    );
  };

  const listener = await listen(handle, options);
  return {
    ...standIn(listener, traffic, faults, {
      known: KNOWN_FAULTS,
      forget() {
        store.clear();
        createBuckets();
      },
    }),
    accessKeyId,
    secretAccessKey,
    region,
    put(bucket, key, body, contentType = DEFAULT_CONTENT_TYPE) {
      store.put(bucket, key, Buffer.from(body), contentType);
    },
    get: (bucket, key) => store.get(bucket, key),
    list: (bucket, prefix = '') => store.keys(bucket).filter((key) => key.startsWith(prefix)),
    versions: (bucket, prefix = '') => store.versions(bucket, prefix),
  };
}

function refusalsAsAnswers(request: IncomingMessage, carryOut: () => Answer): Answer {
  try {
    return carryOut();
  } catch (error) {
    if (!(error instanceof S3Error)) throw error;
    return errorAnswer(error, request.url?.split('?')[0] ?? '/');
  }
}
