import { describe, expect, it } from 'vitest';
import { parseOptions } from '../../bench/options.ts';
import { upstream } from '../../bench/scenarios/upstream.ts';
import { parseFigures } from '../../bench/support/loadgen.ts';
import { generate, lineOf, type Sender } from '../../bench/upstream/generate.ts';
import { rowOf } from '../../bench/upstream/measure.ts';
import { nowMs, Times } from '../../bench/upstream/times.ts';

describe('a row of the upstream function', () => {
  const figures = parseFigures('from=10000 to=12000 answered=3990 refused=7 p50=3.5 p99=9 server=0.5 others=0.1');
  const report = { invocations: 40, count: 4_000, p50: 31.5, p99: 60 };

  it('is read from the line of the generator and the report of the endpoint', () => {
    expect(rowOf('event', figures, report)).toEqual({
      rate: 2_000,
      invocations: 20,
      p50: 31.5,
      p99: 60,
      accepted: 3.5,
      cpuEach: 125,
      refused: 7,
      other_cpu: 5,
    });
  });

  it('is written as it is read', () => {
    expect(parseFigures(lineOf(figures))).toEqual(figures);
  });

  it('has the times of replies in request mode', () => {
    expect(rowOf('request', figures, report)).toMatchObject({ p50: 3.5, p99: 9 });
  });

  it('is a failure when nothing arrived', () => {
    expect(() => rowOf('event', figures, { ...report, count: 0 })).toThrow('no item came to the function; 7 refused');
  });
});

describe('a generator', () => {
  /** Takes the given time for each item, with the event loop held up. */
  class Busy implements Sender {
    readonly answers = new Times();
    readonly refused = 0;
    onDone: (() => void) | undefined;
    readonly #ms: number;
    sent = 0;
    #inFlight = 0;
    maxInFlight = 0;

    constructor(ms: number) {
      this.#ms = ms;
    }

    send(dueMs: number): void {
      this.sent += 1;
      this.#inFlight += 1;
      this.maxInFlight = Math.max(this.maxInFlight, this.#inFlight);
      for (const end = nowMs() + this.#ms; nowMs() < end; );
      setImmediate(() => {
        this.#inFlight -= 1;
        this.answers.add(nowMs(), nowMs() - dueMs);
        this.onDone?.();
      });
    }
  }
  const orders = { rate: 1_000, warmupSeconds: 0.2, seconds: 0.3, pids: [process.pid], helpers: [] };

  it('ends in time, and counts late items as late, when its sender is slower than the rate', async () => {
    const sender = new Busy(3);
    const { from = 0, to = 0, answered, p50 } = await generate(sender, orders, 1);
    expect(to - from).toBeLessThan(15_000);
    expect(answered).toBeGreaterThan(0);
    expect(p50).toBeGreaterThan(50);
    const { sent } = sender;
    await new Promise((resolve) => setImmediate(resolve));
    expect(sender.sent).toBe(sent);
  });

  it('keeps the given number in flight where no rate is set', async () => {
    const sender = new Busy(0.1);
    const { answered } = await generate(sender, { ...orders, rate: undefined }, 4);
    expect(sender.maxInFlight).toBe(4);
    expect(answered).toBeGreaterThan(4);
  });
});

describe('times', () => {
  it('are those of the items done in the window, its end left out', () => {
    const times = new Times();
    for (let at = 0; at < 300; at += 1) times.add(at, at);
    expect(times.within({ from: 100, to: 201 })).toEqual({ count: 101, p50: 150, p99: 199 });
    expect(times.within({ from: 900, to: 901 })).toEqual({ count: 0, p50: 0, p99: 0 });
  });
});

describe('the scenarios of the upstream function', () => {
  const rows = (...options: string[]) => {
    const { plan } = parseOptions(options, () => undefined);
    return Object.fromEntries(
      upstream([], plan).map(({ id, contestants }) => [id, contestants.map(({ name }) => name)]),
    );
  };

  it('put the SDK alone first, then event mode at three rates', () => {
    expect(rows()['upstream-events']).toEqual([
      'SDK alone, 1,000/s',
      'fronttcp, 1,000/s',
      'fronttcp, 1,000/s, batches of 5 ms',
      'fronttcp, 5,000/s',
      'fronttcp, 20,000/s',
    ]);
  });

  it('are one rate only in a quick run', () => {
    expect(rows('--quick')['upstream-events']).toEqual(['SDK alone, 1,000/s', 'fronttcp, 1,000/s']);
  });
});
