/** Made by scripts/make-api-types.mjs. */
export interface paths {
    "/api/v1/batches/{reference}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Reads the status of a batch, at once or when it has ended
         * @description Roles: submit, read, operate.
         */
        get: operations["readBatch"];
        /**
         * Adds a batch
         * @description Safe to repeat. The token's tenant is put on the batch. Beyond what a schema can say: documentId is unique in the batch. Roles: submit, operate.
         */
        put: operations["addBatch"];
        post?: never;
        /**
         * Erases an ended batch
         * @description Results with every version, jobs, events and keys. Safe to repeat when it fails on the way. Roles: operate.
         */
        delete: operations["eraseBatch"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/batches:bulk": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Adds many batches
         * @description A batch with its reference per line; the response has a line for each, in their order. A line that is wrong keeps no other from being added. Safe to repeat. Roles: submit, operate.
         */
        post: operations["addBatches"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/batches": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Lists batches
         * @description Roles: submit, read, operate.
         */
        get: operations["listBatches"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/batches/{reference}/results": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Streams the extracts of an ended batch
         * @description One document per line, in the order of the request. Extracts are as Atlas wrote them: numbers may be longer than a double holds. A response that is cut short has no last chunk: read the batch again; the log of the server says why. Roles: submit, read, operate.
         */
        get: operations["readResults"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/batches/{reference}/cancel": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Asks for the end of a batch, which then fails with CANCELLED
         * @description Roles: submit, operate.
         */
        post: operations["cancelBatch"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/batches/{reference}/retry": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Tries a failed batch again
         * @description First what Atlas has is read, then what is missing is sent. A second event follows. Roles: operate.
         */
        post: operations["retryBatch"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Follows batches by server-sent events
         * @description Events `batch.completed` and `batch.failed` have an id, and `Last-Event-ID` goes on after it. `batch.progress` holds a BatchStatus and is not durable. `reset`: outcomes after the last id are gone; read the list of batches. Comments keep the connection open. Events never take a job from anybody. Roles: submit, read, operate.
         */
        get: operations["followEvents"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        Added: {
            /**
             * @description duplicate: the same batch was added before, and is not sent again.
             * @enum {string}
             */
            status: "added" | "duplicate";
            reference: string;
        };
        Batch: {
            /** @description May be left out: it is that of the path. */
            reference?: string;
            /** @description Product type as Atlas knows it, such as LOAN_APP. */
            productType: string;
            documents: {
                /** @description The caller's own id of the document, unique in the batch. No personal data, please. */
                documentId: string;
                /** @description S3 bucket of the scan. */
                bucket: string;
                /** @description S3 key of the scan. */
                key: string;
            }[];
            /**
             * @description Its share of Atlas beside other batches that wait in line. Default: normal.
             * @enum {string}
             */
            priority?: "urgent" | "normal" | "bulk";
            /** @description Whose the batch is. Tenants that wait in line share Atlas by their weights. */
            tenant?: string;
            /** @description The caller's own, repeated in the event and never sent to Atlas. */
            metadata?: {
                [key: string]: string;
            };
        };
        BatchLine: {
            /** @description The caller's name of the batch. The same reference added twice is one batch. */
            reference: string;
            /** @description Product type as Atlas knows it, such as LOAN_APP. */
            productType: string;
            documents: {
                /** @description The caller's own id of the document, unique in the batch. No personal data, please. */
                documentId: string;
                /** @description S3 bucket of the scan. */
                bucket: string;
                /** @description S3 key of the scan. */
                key: string;
            }[];
            /**
             * @description Its share of Atlas beside other batches that wait in line. Default: normal.
             * @enum {string}
             */
            priority?: "urgent" | "normal" | "bulk";
            /** @description Whose the batch is. Tenants that wait in line share Atlas by their weights. */
            tenant?: string;
            /** @description The caller's own, repeated in the event and never sent to Atlas. */
            metadata?: {
                [key: string]: string;
            };
        };
        BatchList: {
            /** @description Fewer than were asked for when the search took too long. */
            batches: components["schemas"]["ListedBatch"][];
            /** @description The cursor of the next page; null when there is none. */
            next: string | null;
        };
        BatchStatus: {
            reference: string;
            /**
             * @description queued: no worker has begun. submitting: documents are checked and sent. in-line: an upload waits for its turn. processing: Atlas is at work.
             * @enum {string}
             */
            state: "queued" | "submitting" | "in-line" | "processing" | "completed" | "failed";
            productType: string | null;
            /** @description Null when it names none, or its job is no longer kept. */
            tenant: string | null;
            /** @description Null when its job is no longer kept. */
            priority: ("urgent" | "normal" | "bulk") | null;
            documents: {
                total: number;
                sent: number;
                present: number;
            };
            uploads: {
                /** @enum {string} */
                state: "planned" | "sending" | "sent" | "ended" | "refused";
                /** @description 1 for the first; later ones send only what was missing. */
                round: number;
                /** @description Atlas's `batch_id`; null before its response. */
                atlasBatchId: string | null;
                documents: {
                    total: number;
                    present: number;
                };
                polls: number;
                nextPollAt: string | null;
                result: ("complete" | "incomplete" | "cancelled" | "rejected") | null;
                reason: components["schemas"]["Reason"] | null;
            }[];
            polls: number;
            nextPollAt: string | null;
            /** @description When the first upload was sent. */
            submittedAt: string | null;
            /** @description Null when nothing of it is in line, and for a batch in-line whose turn has come, until a worker takes it. */
            line: {
                /** @description Of its first upload in line; 1 is the head. */
                place: number;
                /** @description Uploads in line, of all batches. */
                uploads: number;
                /** @enum {string} */
                why: "limit" | "quota" | "pause" | "outage" | "worker";
                /** @description When that ends by itself; null when nobody knows. */
                until: string | null;
                /** @description Of a limit that is reached: uploads of which nobody knows whether Atlas has them. */
                unknown?: {
                    /** @description So many keep their room though nobody awaits them. */
                    documents: number;
                    /**
                     * Format: date-time
                     * @description When the first of them give it back; sooner where their batch ends.
                     */
                    until: string;
                };
            } | null;
            /** @description When it has to have ended; null once it has. */
            deadline: {
                /** @description Null before a worker has begun the batch, and while the deadline stands still. */
                at: string | null;
                /** @description How much is left of one that stands still, since an upload waits in line. */
                leftMs: number | null;
                /** @description How much more time than others it was given, all extensions together. */
                extendedMs: number;
                /** @description How long it has stood still in this run, up to when it last went on. */
                stoodMs: number;
            } | null;
            /** @description Somebody has asked for its cancel, which happens when a worker takes it. */
            cancelRequested?: {
                /** @description Null where nobody gave one. */
                reason: string | null;
            };
            /** @description The error that delays the batch. */
            lastError: components["schemas"]["Reason"] | null;
            /** @description Null until the batch has ended. */
            summary: components["schemas"]["BatchSummary"] | null;
        };
        BatchSummary: {
            eventId: string | null;
            /** @description Null when the job named none that is valid. */
            reference: string | null;
            /** @enum {string} */
            status: "completed" | "failed";
            /** @description Only when failed. */
            reason?: components["schemas"]["Reason"];
            productType: string | null;
            /** @description Ids that Atlas gave, in the order of the uploads. */
            batchIds: string[];
            documents: {
                total: number;
                /** @description Documents that went to Atlas, repeats included. */
                sent: number;
                /** @description Documents with at least one extract. */
                present: number;
                /** @description The caller's ids of documents that never came. */
                missing: string[];
            };
            /** @description s3:// URIs of the stored results, one per Atlas batch; the keys as they are. */
            results: string[];
            /** @description When the first upload was sent; null when none was. */
            submittedAt: string | null;
            /**
             * Format: date-time
             * @description When the batch ended.
             */
            completedAt: string;
            /** @description As in the request; only when the request had some, and not in the return value of the job. */
            metadata?: {
                [key: string]: string;
            };
            /**
             * @description The event is of documents that came after the batch had ended INCOMPLETE.
             * @constant
             */
            late?: true;
            /** @description Polls of Atlas, over all uploads. */
            polls: number;
        };
        BulkResultLine: {
            /** @description Of the request; blank lines count. */
            line: number;
            /** @description Null when the line names none. */
            reference: string | null;
            /**
             * @description conflict: the reference is taken. invalid: see issues. forbidden: of another tenant. unavailable: try this line again.
             * @enum {string}
             */
            status: "added" | "duplicate" | "conflict" | "invalid" | "forbidden" | "unavailable";
            /** @description One sentence per issue, all of them. */
            issues?: string[];
        };
        Cancelling: {
            /** @constant */
            status: "cancelling";
            reference: string;
        };
        DocumentResult: {
            /** @description The caller's own id. */
            documentId: string;
            /** @description file_data of each extract as Atlas sent it. Numbers may be longer than a double holds. */
            extracts: {
                [key: string]: unknown;
            }[];
        };
        Erased: {
            /** @constant */
            status: "erased";
            reference: string;
            /** @description It names nobody to who does not know the reference. */
            certificate: {
                /** Format: date-time */
                erasedAt: string;
                /** @description Null when that is not known any more. */
                addedAt: string | null;
                /** @description SHA-256 in hex of `<reference>@<addedAt in ms since 1970>`; of the reference alone without addedAt. */
                digest: string;
                removed: {
                    jobs: number;
                    keys: number;
                    entries: number;
                    objectVersions: number;
                };
            };
        };
        ListedBatch: {
            /** @description Null when the id of the job is none of a batch. */
            reference: string | null;
            /** @description Of its job in the queue. */
            jobId: string;
            /**
             * @description cancelled is a failure that somebody asked for.
             * @enum {string}
             */
            state: "queued" | "submitting" | "in-line" | "processing" | "completed" | "failed" | "cancelled";
            productType: string | null;
            tenant: string | null;
            /** @enum {string} */
            priority: "urgent" | "normal" | "bulk";
            documents: {
                total: number;
                sent: number;
                present: number;
            };
            atlasBatchIds: string[];
            /** Format: date-time */
            addedAt: string;
            /** @description Null until the batch has ended. */
            endedAt: string | null;
            nextPollAt: string | null;
            /** @description Null when nothing of it is in line. */
            line: {
                /** @description Of its first upload in line; 1 is the head. */
                place: number;
                /** @description Uploads in line, of all batches. */
                uploads: number;
                /** @enum {string} */
                why: "limit" | "quota" | "pause" | "outage" | "worker";
                /** @description When that ends by itself; null when nobody knows. */
                until: string | null;
                /** @description Of a limit that is reached: uploads of which nobody knows whether Atlas has them. */
                unknown?: {
                    /** @description So many keep their room though nobody awaits them. */
                    documents: number;
                    /**
                     * Format: date-time
                     * @description When the first of them give it back; sooner where their batch ends.
                     */
                    until: string;
                };
            } | null;
            /** @description When it has to have ended; null once it has. */
            deadline: {
                /** @description Null before a worker has begun the batch, and while the deadline stands still. */
                at: string | null;
                /** @description How much is left of one that stands still, since an upload waits in line. */
                leftMs: number | null;
                /** @description How much more time than others it was given, all extensions together. */
                extendedMs: number;
                /** @description How long it has stood still in this run, up to when it last went on. */
                stoodMs: number;
            } | null;
            /** @description Why it failed. */
            reason: components["schemas"]["Reason"] | null;
            /** @description The error that delays it. */
            lastError: components["schemas"]["Reason"] | null;
        };
        OutcomeEvent: {
            /** @description Unique for ever: work is done once per id. */
            eventId: string;
            reference: string | null;
            tenant: string | null;
            /** @enum {string} */
            status: "completed" | "failed";
            /** @description Why it failed. */
            code: ("INVALID_JOB" | "OBJECT_NOT_FOUND" | "OBJECT_UNREADABLE" | "BUCKET_NOT_ALLOWED" | "ATLAS_AUTH" | "ATLAS_REJECTED" | "ATLAS_UNAVAILABLE" | "ATLAS_PROTOCOL" | "INCOMPLETE" | "AMBIGUOUS_SUBMISSION" | "STORAGE" | "CANCELLED" | "INTERNAL") | null;
            /** Format: date-time */
            announcedAt: string;
        };
        Problem: {
            /** @constant */
            type: "about:blank";
            /** @description The name of the status. */
            title: string;
            status: number;
            /**
             * @description For programs.
             * @enum {string}
             */
            code: "INVALID_REQUEST" | "UNAUTHORIZED" | "FORBIDDEN" | "NOT_FOUND" | "UNKNOWN_REFERENCE" | "METHOD_NOT_ALLOWED" | "REFERENCE_TAKEN" | "STILL_RUNNING" | "ALREADY_ENDED" | "NOT_FAILED" | "RESULTS_GONE" | "TOO_LARGE" | "UNSUPPORTED_MEDIA_TYPE" | "INVALID_JOB" | "TOO_MANY_REQUESTS" | "INTERNAL" | "UNAVAILABLE";
            /** @description For people. */
            detail: string;
            /** @description One sentence per issue, all of them. */
            issues?: string[];
        };
        /** @description Why the batch failed. */
        Reason: {
            /**
             * @description For programs.
             * @enum {string}
             */
            code: "INVALID_JOB" | "OBJECT_NOT_FOUND" | "OBJECT_UNREADABLE" | "BUCKET_NOT_ALLOWED" | "ATLAS_AUTH" | "ATLAS_REJECTED" | "ATLAS_UNAVAILABLE" | "ATLAS_PROTOCOL" | "INCOMPLETE" | "AMBIGUOUS_SUBMISSION" | "STORAGE" | "CANCELLED" | "INTERNAL";
            /** @description For people. Names every issue. */
            message: string;
        };
        Retried: {
            /** @constant */
            status: "retried";
            reference: string;
        };
        Why: {
            /** @description Told in the log, and in the event. */
            reason?: string;
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    readBatch: {
        parameters: {
            query?: {
                /** @description Seconds to wait for the end. The response says where the batch stands then. */
                wait?: number;
            };
            header?: never;
            path: {
                /** @description The name of the batch. */
                reference: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Where it stands. `summary` is there when it has ended. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["BatchStatus"];
                };
            };
            /** @description `INVALID_REQUEST`: The request is not what the document says; `issues` names what is wrong. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `UNAUTHORIZED`: There is no token, or it is not known. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `FORBIDDEN`: The role or the tenant of the token does not allow it. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `UNKNOWN_REFERENCE`: No batch of that reference is known to this token. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `TOO_MANY_REQUESTS`: The token, or the server, has as much to do as it may. */
            429: {
                headers: {
                    /** @description Seconds to wait. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `INTERNAL`: Nobody foresaw this. The log of the server has more. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `UNAVAILABLE`: Redis or S3 does not respond, or refuses it, or the server stops. Try again. */
            503: {
                headers: {
                    /** @description Seconds to wait. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    addBatch: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The name of the batch. */
                reference: string;
            };
            cookie?: never;
        };
        /** @description The batch, without its reference. */
        requestBody: {
            content: {
                "application/json": components["schemas"]["Batch"];
            };
        };
        responses: {
            /** @description The same batch is known already; nothing was added. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Added"];
                };
            };
            /** @description It was added. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Added"];
                };
            };
            /** @description `INVALID_REQUEST`: The request is not what the document says; `issues` names what is wrong. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `UNAUTHORIZED`: There is no token, or it is not known. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `FORBIDDEN`: The role or the tenant of the token does not allow it. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `REFERENCE_TAKEN`: The reference is taken. */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `TOO_LARGE`: The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `UNSUPPORTED_MEDIA_TYPE`: The body is of another content type than the document says. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `INVALID_JOB`: The batch is not valid; `issues` names everything that is wrong. */
            422: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `TOO_MANY_REQUESTS`: The token, or the server, has as much to do as it may. */
            429: {
                headers: {
                    /** @description Seconds to wait. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `INTERNAL`: Nobody foresaw this. The log of the server has more. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `UNAVAILABLE`: Redis or S3 does not respond, or refuses it, or the server stops. Try again. */
            503: {
                headers: {
                    /** @description Seconds to wait. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    eraseBatch: {
        parameters: {
            query?: {
                /** @description For the audit log. It is kept, so it must name nobody. */
                reason?: string;
            };
            header?: never;
            path: {
                /** @description The name of the batch. */
                reference: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description It is erased. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Erased"];
                };
            };
            /** @description `INVALID_REQUEST`: The request is not what the document says; `issues` names what is wrong. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `UNAUTHORIZED`: There is no token, or it is not known. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `FORBIDDEN`: The role or the tenant of the token does not allow it. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `UNKNOWN_REFERENCE`: No batch of that reference is known to this token. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `STILL_RUNNING`: The batch has not ended. */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `TOO_MANY_REQUESTS`: The token, or the server, has as much to do as it may. */
            429: {
                headers: {
                    /** @description Seconds to wait. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `INTERNAL`: Nobody foresaw this. The log of the server has more. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `UNAVAILABLE`: Redis or S3 does not respond, or refuses it, or the server stops. Try again. */
            503: {
                headers: {
                    /** @description Seconds to wait. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    addBatches: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** @description Batches, one per line. */
        requestBody: {
            content: {
                "application/x-ndjson": string;
            };
        };
        responses: {
            /** @description What became of each line. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/x-ndjson": string;
                };
            };
            /** @description `INVALID_REQUEST`: The request is not what the document says; `issues` names what is wrong. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `UNAUTHORIZED`: There is no token, or it is not known. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `FORBIDDEN`: The role or the tenant of the token does not allow it. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `TOO_LARGE`: The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `UNSUPPORTED_MEDIA_TYPE`: The body is of another content type than the document says. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `TOO_MANY_REQUESTS`: The token, or the server, has as much to do as it may. */
            429: {
                headers: {
                    /** @description Seconds to wait. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `INTERNAL`: Nobody foresaw this. The log of the server has more. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `UNAVAILABLE`: Redis or S3 does not respond, or refuses it, or the server stops. Try again. */
            503: {
                headers: {
                    /** @description Seconds to wait. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listBatches: {
        parameters: {
            query?: {
                /** @description queued, submitting, in-line, processing, completed, failed, cancelled; or waiting, in-flight, running, ended. Several with commas in between. */
                state?: string;
                /** @description Why they failed. Several with commas in between. */
                code?: string;
                productType?: string;
                /** @description Whose they are; empty: of nobody. Several with commas in between. */
                tenant?: string;
                /** @description urgent, normal, bulk. Several with commas in between. */
                priority?: string;
                /** @description Ended then or later or, if they have not ended, were added. */
                since?: string;
                /** @description Ended then or earlier or, if they have not ended, were added. */
                until?: string;
                /** @description In the reference, in the id or the place of a document; or the id of an Atlas batch. */
                text?: string;
                /** @description deadline: nearest first, of those whose deadline runs. Default: newest. */
                sort?: "newest" | "oldest" | "deadline";
                /** @description Batches of one page. Default: 25. */
                limit?: number;
                /** @description `next` of the page before, of the same filter. */
                cursor?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page of the list. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["BatchList"];
                };
            };
            /** @description `INVALID_REQUEST`: The request is not what the document says; `issues` names what is wrong. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `UNAUTHORIZED`: There is no token, or it is not known. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `FORBIDDEN`: The role or the tenant of the token does not allow it. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `TOO_MANY_REQUESTS`: The token, or the server, has as much to do as it may. */
            429: {
                headers: {
                    /** @description Seconds to wait. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `INTERNAL`: Nobody foresaw this. The log of the server has more. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `UNAVAILABLE`: Redis or S3 does not respond, or refuses it, or the server stops. Try again. */
            503: {
                headers: {
                    /** @description Seconds to wait. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    readResults: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The name of the batch. */
                reference: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Lines of JSON. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/x-ndjson": string;
                };
            };
            /** @description `INVALID_REQUEST`: The request is not what the document says; `issues` names what is wrong. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `UNAUTHORIZED`: There is no token, or it is not known. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `FORBIDDEN`: The role or the tenant of the token does not allow it. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `UNKNOWN_REFERENCE`: No batch of that reference is known to this token. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `STILL_RUNNING`: The batch has not ended. */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `RESULTS_GONE`: The batch has ended, and its results are no longer stored. */
            410: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `TOO_MANY_REQUESTS`: The token, or the server, has as much to do as it may. */
            429: {
                headers: {
                    /** @description Seconds to wait. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `INTERNAL`: Nobody foresaw this. The log of the server has more. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `UNAVAILABLE`: Redis or S3 does not respond, or refuses it, or the server stops. Try again. */
            503: {
                headers: {
                    /** @description Seconds to wait. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    cancelBatch: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The name of the batch. */
                reference: string;
            };
            cookie?: never;
        };
        /** @description Why; may be left out. */
        requestBody?: {
            content: {
                "application/json": components["schemas"]["Why"];
            };
        };
        responses: {
            /** @description It will fail with CANCELLED, unless it ends before its worker sees that. */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Cancelling"];
                };
            };
            /** @description `INVALID_REQUEST`: The request is not what the document says; `issues` names what is wrong. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `UNAUTHORIZED`: There is no token, or it is not known. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `FORBIDDEN`: The role or the tenant of the token does not allow it. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `UNKNOWN_REFERENCE`: No batch of that reference is known to this token. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `ALREADY_ENDED`: The batch has ended. */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `TOO_LARGE`: The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `UNSUPPORTED_MEDIA_TYPE`: The body is of another content type than the document says. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `TOO_MANY_REQUESTS`: The token, or the server, has as much to do as it may. */
            429: {
                headers: {
                    /** @description Seconds to wait. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `INTERNAL`: Nobody foresaw this. The log of the server has more. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `UNAVAILABLE`: Redis or S3 does not respond, or refuses it, or the server stops. Try again. */
            503: {
                headers: {
                    /** @description Seconds to wait. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    retryBatch: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The name of the batch. */
                reference: string;
            };
            cookie?: never;
        };
        /** @description Why; may be left out. */
        requestBody?: {
            content: {
                "application/json": components["schemas"]["Why"];
            };
        };
        responses: {
            /** @description It is tried again. */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Retried"];
                };
            };
            /** @description `INVALID_REQUEST`: The request is not what the document says; `issues` names what is wrong. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `UNAUTHORIZED`: There is no token, or it is not known. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `FORBIDDEN`: The role or the tenant of the token does not allow it. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `UNKNOWN_REFERENCE`: No batch of that reference is known to this token. */
            404: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `NOT_FAILED`: Only a failed batch can be retried. */
            409: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `TOO_LARGE`: The body is too large. */
            413: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `UNSUPPORTED_MEDIA_TYPE`: The body is of another content type than the document says. */
            415: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `TOO_MANY_REQUESTS`: The token, or the server, has as much to do as it may. */
            429: {
                headers: {
                    /** @description Seconds to wait. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `INTERNAL`: Nobody foresaw this. The log of the server has more. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `UNAVAILABLE`: Redis or S3 does not respond, or refuses it, or the server stops. Try again. */
            503: {
                headers: {
                    /** @description Seconds to wait. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    followEvents: {
        parameters: {
            query?: {
                /** @description false: outcomes only. Default: the progress of batches too. */
                progress?: "true" | "false";
            };
            header?: {
                /** @description Outcomes after this one come first. Default: from now on. */
                "Last-Event-ID"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Events, until the caller goes away. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/event-stream": string;
                };
            };
            /** @description `INVALID_REQUEST`: The request is not what the document says; `issues` names what is wrong. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `UNAUTHORIZED`: There is no token, or it is not known. */
            401: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `FORBIDDEN`: The role or the tenant of the token does not allow it. */
            403: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `TOO_MANY_REQUESTS`: The token, or the server, has as much to do as it may. */
            429: {
                headers: {
                    /** @description Seconds to wait. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `INTERNAL`: Nobody foresaw this. The log of the server has more. */
            500: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description `UNAVAILABLE`: Redis or S3 does not respond, or refuses it, or the server stops. Try again. */
            503: {
                headers: {
                    /** @description Seconds to wait. */
                    "Retry-After"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
}
