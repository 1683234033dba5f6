import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Breaker } from '../../src/atlas/breaker.js';
import { FailingBatches } from '../../src/atlas/failing-batches.js';
import type { BreakerState } from '../../src/atlas/observer.js';
import { errorFor } from '../../src/atlas/responses/response-errors.js';
import { rowFor } from '../../src/atlas/responses/response-table.js';
import { PermanentError, TransientError, UnknownBatchError } from '../../src/errors.js';

const down = () => errorFor(rowFor('extracts', 500), 'answered 500');
const busy = () => errorFor(rowFor('extracts', 429), 'answered 429');

let failing: FailingBatches;
let states: BreakerState[];
let breaker: Breaker;
let attempts: boolean[];
let opened = 0;

/** One attempt that ends with the error, or well; the error that came of it. */
async function attempt(error?: Error, batch: number | string = attempts.length) {
  return breaker
    .run(`batch-${batch}`, async (probe) => {
      attempts.push(probe);
      if (error !== undefined) throw error;
    })
    .catch((thrown: unknown) => thrown);
}

/** Each time by other batches. */
async function open(): Promise<void> {
  opened += 1;
  for (let i = 0; i < 8; i += 1) await attempt(down(), `${opened}-${i}`);
  attempts = [];
}

beforeEach(() => {
  // The circuit's own clock: from open to the next probe.
  vi.useFakeTimers({ toFake: ['performance', 'Date'] });
  states = [];
  attempts = [];
  const random = () => 0.5;
  failing = new FailingBatches({ places: undefined, random });
  breaker = new Breaker({ failing, random, onChange: (state) => states.push(state) });
});

afterEach(() => {
  vi.useRealTimers();
});

describe('the circuit breaker', () => {
  it('the closed circuit passes values and errors through', async () => {
    expect(await breaker.run('b', async () => 7)).toBe(7);
    const error = down();
    expect(await attempt(error)).toBe(error);
    expect(states).toEqual([]);
  });

  it('the circuit opens after eight failures in a row', async () => {
    for (let i = 0; i < 7; i += 1) await attempt(down());
    expect(states).toEqual([]);
    await attempt(down());
    expect(states).toEqual(['open']);
  });

  it('the circuit opens for no number of failures of two batches, and for eight of three', async () => {
    for (let i = 0; i < 30; i += 1) await attempt(down(), i % 2);
    expect(states).toEqual([]);
    expect(breaker.failuresInRow).toBe(30);
    await attempt(down(), 2);
    expect(states).toEqual(['open']);
  });

  it('the circuit does not count batches that fail while others pass, until one of theirs passes', async () => {
    for (let batch = 0; batch < 5; batch += 1) await attempt(down(), batch);
    await attempt(undefined, 9);
    for (let i = 0; i < 50; i += 1) await attempt(down(), i % 5);
    expect(states).toEqual([]);
    expect(breaker.failuresInRow).toBe(0);
    for (let batch = 0; batch < 5; batch += 1) await attempt(undefined, batch);
    vi.advanceTimersByTime(500);
    for (let i = 0; i < 8; i += 1) await attempt(down(), i % 5);
    expect(states).toEqual(['open']);
  });

  it('batches that have opened the circuit open it no second time before one of theirs passes', async () => {
    for (let batch = 0; batch < 8; batch += 1) await attempt(down(), batch);
    expect(states.at(-1)).toBe('open');
    vi.advanceTimersByTime(1_500);
    await attempt(undefined, 99);
    expect(states.at(-1)).toBe('closed');
    vi.advanceTimersByTime(1_500);
    for (let batch = 0; batch < 8; batch += 1) await attempt(down(), batch);
    expect(states.at(-1)).toBe('closed');
    expect(failing.has('batch-7')).toBe(true);
    for (let batch = 100; batch < 108; batch += 1) await attempt(down(), batch);
    expect(states.at(-1)).toBe('open');
  });

  it('the open circuit is probed without a batch as soon as it may be', async () => {
    vi.useRealTimers();
    vi.useFakeTimers();
    const probe = vi.fn(async () => {});
    const own = new Breaker({ failing, random: () => 0.5, onChange() {}, probe });
    for (let batch = 0; batch < 8; batch += 1) {
      await own.run(`batch-${batch}`, () => Promise.reject(down())).catch(() => {});
    }
    expect(own.whyOpen).not.toBeNull();
    await vi.advanceTimersByTimeAsync(1_500);
    expect(probe).toHaveBeenCalledOnce();
    expect(own.whyOpen).toBeNull();
  });

  describe('when only a token passes', () => {
    let own: Breaker;
    let sent: number;
    const ask = (batch: string, error?: Error) =>
      own
        .run(batch, async () => {
          sent += 1;
          if (error) throw error;
        })
        .catch((thrown: unknown) => thrown);

    beforeEach(async () => {
      vi.useRealTimers();
      vi.useFakeTimers();
      sent = 0;
      const probe = async () => {};
      const onChange = (state: BreakerState) => states.push(state);
      own = new Breaker({ failing, random: () => 0.5, onChange, probe });
      for (let batch = 0; batch < 8; batch += 1) await ask(`batch-${batch}`, down());
      sent = 0;
    });

    it('one request goes out after each, and they become rarer', async () => {
      // Hundreds ask again and again, and none of them has failed before.
      for (let ms = 0; ms < 60_000; ms += 100) {
        await vi.advanceTimersByTimeAsync(100);
        for (let i = 0; i < 20; i += 1) await ask(`batch-${ms}-${i}`, down());
      }
      expect(sent).toBeLessThan(16);
      expect(sent).toBeGreaterThan(8);
    });

    it('no request goes out beside the one that decides, and all do when it has passed', async () => {
      await vi.advanceTimersByTimeAsync(1_500);
      expect(own.whyOpen).toBeNull();
      let pass = () => {};
      const trial = own.run('batch-good', () => new Promise<void>((resolve) => (pass = resolve)));
      expect(own.whyOpen).not.toBeNull();
      expect(await ask('batch-beside')).toMatchObject({ retryAfterMs: 3000 });
      pass();
      await trial;
      expect(await ask('batch-beside')).toBeUndefined();
      expect(own.outage).toBeNull();
      expect(states).toEqual(['open', 'half-open', 'closed', 'half-open', 'closed']);
    });

    it('a request that says nothing of Atlas leaves the decision to the next one', async () => {
      await vi.advanceTimersByTimeAsync(1_500);
      const aborted = new Error('cancelled');
      expect(await ask('batch-aborted', aborted)).toBe(aborted);
      expect(states.at(-1)).toBe('closed');
      expect(await ask('batch-good')).toBeUndefined();
      expect(sent).toBe(2);
      for (let i = 0; i < 7; i += 1) await ask(`batch-${i}-late`, down());
      expect(own.whyOpen).toBeNull();
    });

    it('batches that failed before leave the request that decides to others for a while', async () => {
      await vi.advanceTimersByTimeAsync(1_500);
      expect(await ask('batch-3')).toBeInstanceOf(TransientError);
      // As long as it takes until one that has waited meanwhile is woken, fetched and checked.
      await vi.advanceTimersByTimeAsync(7_000);
      expect(await ask('batch-3')).toBeInstanceOf(TransientError);
      expect(sent).toBe(0);
      await vi.advanceTimersByTimeAsync(1_000);
      expect(await ask('batch-3')).toBeUndefined();
    });
  });

  it('a circuit that the probe of a batch has closed is put on trial by no probe of its own', async () => {
    vi.useRealTimers();
    vi.useFakeTimers();
    const probe = vi.fn(async () => {});
    probe.mockRejectedValueOnce(down());
    const own = new Breaker({ failing, random: () => 0.5, onChange() {}, probe });
    const ask = (batch: string, error?: Error) =>
      own
        .run(batch, async () => {
          if (error) throw error;
        })
        .catch((thrown: unknown) => thrown);
    for (let batch = 0; batch < 8; batch += 1) await ask(`batch-${batch}`, down());
    await vi.advanceTimersByTimeAsync(1_500);
    expect(probe).toHaveBeenCalledOnce();
    // The next one of its own is not due before that of a batch.
    await vi.advanceTimersByTimeAsync(2_600);
    expect(await ask('batch-good')).toBeUndefined();
    await vi.advanceTimersByTimeAsync(20_000);
    expect(probe).toHaveBeenCalledOnce();
    for (let i = 0; i < 7; i += 1) await ask(`batch-late-${i}`, down());
    expect(own.whyOpen).toBeNull();
  });

  it('batches whose requests were under way when the circuit opened open it no second time either', async () => {
    let fail = () => {};
    const until = new Promise<void>((_, reject) => {
      fail = () => reject(down());
    });
    const late = Array.from({ length: 50 }, (_, i) =>
      breaker.run(`batch-late-${i}`, () => until).catch(() => {}),
    );
    for (let batch = 0; batch < 8; batch += 1) await attempt(down(), batch);
    expect(states.at(-1)).toBe('open');
    fail();
    await Promise.all(late);
    vi.advanceTimersByTime(1_500);
    await attempt(undefined, 99);
    vi.advanceTimersByTime(1_500);
    for (let i = 0; i < 50; i += 1) await attempt(down(), `late-${i}`);
    expect(states.at(-1)).toBe('closed');
    expect(failing.has('batch-late-49')).toBe(true);
  });

  it('the open circuit leaves its probe to batches that have not failed, for a while', async () => {
    for (let batch = 0; batch < 8; batch += 1) await attempt(down(), batch);
    attempts = [];
    vi.advanceTimersByTime(4_400);
    expect(await attempt(undefined, 3)).toBeInstanceOf(TransientError);
    await attempt(undefined, 99);
    expect(attempts).toEqual([true]);
    expect(states.at(-1)).toBe('closed');
  });

  it('the open circuit takes a batch that has failed for its probe when no other comes', async () => {
    for (let batch = 0; batch < 8; batch += 1) await attempt(down(), batch);
    attempts = [];
    vi.advanceTimersByTime(4_500);
    await attempt(undefined, 3);
    expect(attempts).toEqual([true]);
  });

  it('failures that come together open no circuit while others pass, however many batches they are of', async () => {
    await attempt();
    for (let i = 0; i < 100; i += 1) await attempt(down());
    expect(states).toEqual([]);
    vi.advanceTimersByTime(500);
    await attempt(down());
    expect(states).toEqual(['open']);
  });

  it.each([
    ['a value', undefined],
    ['a 404', new UnknownBatchError('B')],
    ['a refusal', new PermanentError('ATLAS_REJECTED', 'answered 422')],
    ['a 429', busy()],
  ])('the circuit starts to count failures anew after %s', async (_, error) => {
    for (let i = 0; i < 7; i += 1) await attempt(down());
    await attempt(error);
    for (let i = 0; i < 7; i += 1) await attempt(down());
    expect(states).toEqual([]);
  });

  it('the circuit does not count what says nothing of Atlas', async () => {
    for (let i = 0; i < 7; i += 1) await attempt(down());
    for (let i = 0; i < 9; i += 1) await attempt(new TransientError('ATLAS_UNAVAILABLE', 'Redis'));
    for (let i = 0; i < 9; i += 1) await attempt(new Error('aborted'));
    expect(states).toEqual([]);
    await attempt(down());
    expect(states).toEqual(['open']);
  });

  it('the open circuit turns everything away at once, as not taken, to come back later', async () => {
    await open();
    const error = await attempt();
    expect(attempts).toEqual([]);
    expect(error).toMatchObject({
      name: 'TurnedAwayError',
      code: 'ATLAS_UNAVAILABLE',
      taken: 'not-taken',
      retryAfterMs: 3000,
    });
  });

  it('the open circuit gives what failed last as the reason of those it turns away', async () => {
    await open();
    vi.advanceTimersByTime(1_500);
    await attempt(errorFor(rowFor('extracts', 401), 'answered 401'));
    expect(await attempt()).toMatchObject({
      code: 'ATLAS_AUTH',
      message: expect.stringContaining('answered 401'),
      taken: 'not-taken',
    });
  });

  it('the open circuit lets one probe through after a while, and closes when it is answered', async () => {
    await open();
    vi.advanceTimersByTime(1_500);
    let respond = () => {};
    const probe = breaker.run('b', (isProbe) => {
      attempts.push(isProbe);
      return new Promise<void>((resolve) => {
        respond = resolve;
      });
    });
    expect(await attempt()).toBeInstanceOf(TransientError);
    respond();
    await probe;
    await attempt();
    expect(attempts).toEqual([true, false]);
    expect(states).toEqual(['open', 'half-open', 'closed']);
  });

  it.each([
    ['fails', down()],
    ['is aborted', new Error('aborted')],
    ['finds no budget', new TransientError('ATLAS_UNAVAILABLE', 'spent')],
    ['is refused a token', new PermanentError('ATLAS_AUTH', 'refused')],
  ])('the circuit stays open when the probe %s, and probes more rarely', async (_, error) => {
    await open();
    vi.advanceTimersByTime(1_500);
    expect(await attempt(error)).toBe(error);
    expect(states).toEqual(['open', 'half-open', 'open']);
    vi.advanceTimersByTime(2_000);
    await attempt();
    expect(attempts).toEqual([true]);
    vi.advanceTimersByTime(500);
    await attempt();
    expect(attempts).toEqual([true, true]);
  });

  it('the circuit probes in time when the clock of the host is set back while it is open', async () => {
    await open();
    vi.setSystemTime(Date.now() - 3_600_000);
    vi.advanceTimersByTime(1_500);
    expect(await attempt()).toBeUndefined();
    expect(attempts).toEqual([true]);
    expect(states.at(-1)).toBe('closed');
  });

  it('the circuit closes on a probe that is refused, unknown or too much, for Atlas answers', async () => {
    for (const error of [busy(), new UnknownBatchError('B')]) {
      vi.advanceTimersByTime(500);
      await open();
      vi.advanceTimersByTime(1_500);
      expect(await attempt(error)).toBe(error);
      expect(states.at(-1)).toBe('closed');
    }
  });

  it('the open circuit makes fewer than one probe per second, however many ask and however long', async () => {
    await open();
    const seconds = 120;
    for (let tenth = 0; tenth < seconds * 10; tenth += 1) {
      vi.advanceTimersByTime(100);
      await Promise.all(Array.from({ length: 10 }, () => attempt(down())));
    }
    expect(attempts.length).toBeGreaterThan(20);
    expect(attempts.length).toBeLessThan(seconds / 3);
  });
});
