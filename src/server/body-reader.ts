/**
 * Reads bodies of requests. Hundreds of callbacks may arrive at once, of 4 MiB each: what they hold together is
 * bounded. Who sends them is asked to come again later; for callbacks the ordinary polls are there too.
 */
import type { Readable } from 'node:stream';

/** Thousands of real callbacks, or sixteen of the largest. */
const MAX_HELD_BYTES = 64 * 1024 * 1024;

/** Fastify answers with `statusCode`. */
class BodyError extends Error {
  override name = 'BodyError';

  constructor(
    readonly statusCode: 413 | 429,
    message: string,
  ) {
    super(message);
  }
}

export class BodyReader {
  private heldBytes = 0;

  constructor(private readonly maxHeldBytes = MAX_HELD_BYTES) {}

  /** @throws BodyError when it is too large, or when all bodies are. */
  async read(body: Readable, limitBytes: number): Promise<Buffer> {
    const chunks: Buffer[] = [];
    let bytes = 0;
    try {
      for await (const chunk of body as AsyncIterable<Buffer>) {
        bytes += chunk.length;
        this.heldBytes += chunk.length;
        if (bytes > limitBytes) throw new BodyError(413, 'the body is too large');
        if (this.heldBytes > this.maxHeldBytes) throw new BodyError(429, 'too many bodies at once');
        chunks.push(chunk);
      }
      return Buffer.concat(chunks);
    } finally {
      this.heldBytes -= bytes;
    }
  }
}
