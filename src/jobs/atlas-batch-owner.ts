/**
 * Which batch an Atlas batch belonged to. A key keeps this when the poll job is pruned: Atlas must not
 * give another batch the same `batch_id`, and an operator finds a batch by it.
 */
export interface AtlasBatchOwner {
  reference: string;
  /** `timestamp` of the batch job: a later batch of the same reference is another. */
  timestamp: number;
}

/** `<timestamp> <reference>`. */
export function formatOwner({ reference, timestamp }: AtlasBatchOwner): string {
  return `${timestamp} ${reference}`;
}

/** Null when nobody is known to own it. */
export function readOwner(value: string | null): AtlasBatchOwner | null {
  const [, timestamp, reference] = /^(-?\d+) (.+)$/.exec(value ?? '') ?? [];
  return timestamp && reference ? { reference, timestamp: Number(timestamp) } : null;
}
