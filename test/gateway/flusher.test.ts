import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { Flusher } from '../../gateway/delivery/flusher.ts';
import type { Outbox } from '../../gateway/delivery/outbox.ts';
import { until } from '../kit/until.ts';

/** An outbox whose write keeps the event loop for `ms`. */
function slowOutbox(ms: number, onFlush: () => void): Outbox {
  const flush = () => {
    const end = performance.now() + ms;
    while (performance.now() < end);
    onFlush();
  };
  return { begin: () => undefined, finish: flush } as unknown as Outbox;
}

test('a flush of very many sessions yields the event loop, and reaches the end, in order', async () => {
  const flusher = new Flusher({ before: () => true, send: () => undefined });
  const flushed: number[] = [];
  for (let i = 0; i < 200; i += 1) flusher.schedule(slowOutbox(1, () => flushed.push(i)));
  let turns = 0;
  let isAdded = false;
  while (flushed.length < 201 && turns < 1_000) {
    await setImmediate();
    turns += 1;
    if (flushed.length > 0 && !isAdded) {
      isAdded = true;
      flusher.schedule(slowOutbox(0, () => flushed.push(200)));
    }
  }
  expect(flushed).toEqual(Array.from({ length: 201 }, (_, i) => i));
  expect(turns).toBeGreaterThan(3);
});

test('the step before a flush is repeated until it is done', async () => {
  let calls = 0;
  const flusher = new Flusher({
    before() {
      calls += 1;
      return calls === 3;
    },
    send: () => undefined,
  });
  flusher.wake();
  await until('it is done', () => calls === 3);
  for (let turn = 0; turn < 3; turn += 1) await setImmediate();
  expect(calls).toBe(3);
});
