import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { type Timed, Wheel } from '../../gateway/session/wheel.ts';
import { until } from '../kit/until.ts';

let wheel: Wheel;
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
  wheel = new Wheel();
  wheel.start();
});
afterEach(() => {
  wheel.stop();
  vi.useRealTimers();
});

class Deadline implements Timed {
  slot = -1;
  readonly calls: number[] = [];
  readonly next: (nowMs: number) => number;
  constructor(next: (nowMs: number) => number = () => 0) {
    this.next = next;
  }
  onDeadline(nowMs: number): number {
    this.calls.push(nowMs);
    return this.next(nowMs);
  }
}

const now = () => performance.now();

test.each([1, 99, 100, 101, 5_000, 204_600])('after %i ms: once, not before, and within two ticks', (ms) => {
  const deadline = new Deadline();
  const due = now() + ms;
  wheel.set(deadline, due);
  vi.advanceTimersByTime(ms - 1);
  expect(deadline.calls).toEqual([]);
  vi.advanceTimersByTime(201);
  expect(deadline.calls).toHaveLength(1);
  expect(deadline.calls[0]).toBeGreaterThanOrEqual(due);
  vi.advanceTimersByTime(500_000);
  expect(deadline.calls).toHaveLength(1);
});

test('a deadline beyond the wheel is checked once a turn, and fires at its time', () => {
  const due = now() + 600_000;
  const deadline = new Deadline((at) => (at >= due ? 0 : due));
  wheel.set(deadline, due);
  vi.advanceTimersByTime(700_000);
  expect(deadline.calls).toHaveLength(3);
  expect(deadline.calls.at(-1)).toBeGreaterThanOrEqual(due);
});

test('setting it again moves it; clearing removes it', () => {
  const moved = new Deadline();
  const cleared = new Deadline();
  wheel.set(moved, now() + 1_000);
  wheel.set(moved, now() + 3_000);
  wheel.set(cleared, now() + 1_000);
  wheel.clear(cleared);
  vi.advanceTimersByTime(2_900);
  expect(moved.calls).toEqual([]);
  vi.advanceTimersByTime(300);
  expect(moved.calls).toHaveLength(1);
  vi.advanceTimersByTime(300_000);
  expect([moved.calls.length, cleared.calls.length]).toEqual([1, 0]);
});

test('a deadline in the past, or set again in its own call, fires at the next tick and not in an endless loop', () => {
  const past = new Deadline((at) => Math.max(1, at - 1_000));
  wheel.set(past, now() - 10_000);
  vi.advanceTimersByTime(1_000);
  expect(past.calls.length).toBeGreaterThanOrEqual(9);
  expect(past.calls.length).toBeLessThanOrEqual(10);
});

test('a deadline that sets itself and returns another keeps the one it set', () => {
  const again = new Deadline((at) => {
    if (again.calls.length === 1) wheel.set(again, at + 200);
    return again.calls.length === 1 ? at + 50_000 : 0;
  });
  wheel.set(again, now() + 100);
  vi.advanceTimersByTime(1_000);
  expect(again.calls).toHaveLength(2);
});

test('after a pause longer than the wheel every due deadline fires at once, once', async () => {
  const many = Array.from({ length: 500 }, () => new Deadline());
  for (const [i, deadline] of many.entries()) wheel.set(deadline, now() + i * 400);
  const paused = performance.now() + 1_000_000;
  vi.spyOn(performance, 'now').mockReturnValue(paused);
  vi.advanceTimersByTime(100);
  await setImmediate();
  expect(many.map(({ calls }) => calls)).toEqual(many.map(() => [paused]));
});

test('100,000 deadlines cost one timer', () => {
  for (let i = 0; i < 100_000; i += 1) wheel.set(new Deadline(), now() + 90_000);
  expect(vi.getTimerCount()).toBe(1);
});

test.each([0, 600_000])('a deadline brought forward fires sooner, never later, after %i ms of uptime', (uptimeMs) => {
  vi.advanceTimersByTime(uptimeMs);
  const deadline = new Deadline();
  wheel.set(deadline, now() + 30_000);
  wheel.bringForward(deadline, now() + 1_000);
  wheel.bringForward(deadline, now() + 20_000);
  vi.advanceTimersByTime(999);
  expect(deadline.calls).toEqual([]);
  vi.advanceTimersByTime(201);
  expect(deadline.calls).toHaveLength(1);
  vi.advanceTimersByTime(60_000);
  expect(deadline.calls).toHaveLength(1);
});

describe('after the process stood still', () => {
  // A worker goes on sending while this thread is kept busy.
  const CLIENT = `
    const { connect } = require('node:net');
    const { workerData } = require('node:worker_threads');
    const socket = connect(workerData, '127.0.0.1', () => setInterval(() => socket.write('.'), 50));
    socket.on('error', () => process.exit());
  `;

  test('bytes sent meanwhile are read before any deadline is applied', async () => {
    vi.useRealTimers();
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const client = new Worker(CLIENT, { eval: true, workerData: (server.address() as AddressInfo).port });
    onTestFinished(async () => {
      await client.terminate();
      server.close();
    });
    const [socket] = (await once(server, 'connection')) as [Socket];
    let heardAtMs = now();
    socket.on('data', () => {
      heardAtMs = now();
    });
    await once(socket, 'data');
    const real = new Wheel();
    real.start();
    onTestFinished(() => real.stop());
    const TIMEOUT_MS = 1_000;
    const silences: number[] = [];
    const watched = new Deadline((at) => {
      if (at - heardAtMs < TIMEOUT_MS) return heardAtMs + TIMEOUT_MS;
      silences.push(at - heardAtMs);
      return 0;
    });
    real.set(watched, heardAtMs + TIMEOUT_MS);
    for (let round = 1; round <= 3; round += 1) {
      // Behind the reads of a turn, as the flush is: timers come next, and reads only after them.
      await setImmediate();
      const end = now() + 1_500;
      while (now() < end);
      await until('it was looked at', () => watched.calls.length >= round);
      expect(silences).toEqual([]);
    }
    socket.destroy();
    await until('it is found silent', () => silences.length === 1);
  });
});
