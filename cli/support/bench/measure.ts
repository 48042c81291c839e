import { setTimeout as delay } from 'node:timers/promises';
import { ServerCommand } from '../../../contract/wire/command-ids.ts';
import { sentBatchAnswer } from '../../../functions/send-command/schema.ts';
import type { Api } from '../api.ts';
import { BusyFailure } from '../failure.ts';
import { addLatency, type Latencies } from '../fleet/tally.ts';
import type { Devices } from './devices.ts';

interface Load {
  seconds: number;
  /** Number of concurrent requests. */
  concurrency: number;
  /** Number of commands in one request. */
  batch: number;
  signal: AbortSignal;
}

export interface Measured {
  /** Accepted by the API. */
  sent: number;
  delivered: number;
  /** Refused, for example by throttling. */
  refused: number;
  /** From the first request to the last delivery. */
  seconds: number;
  /** From the request to its response. */
  http: Latencies;
  /** From the request to the arrival at the device. */
  device: Latencies;
}

/** Messages must not outlive a run. */
const TTL_S = 60;
/** Time for the last messages to arrive. */
const SETTLE_MS = 10_000;
const LOOK_EVERY_MS = 20;

/** Sends for the given time, to one device after the other, and waits until all messages have arrived. */
export async function measure(api: Api, devices: Devices, load: Load): Promise<Measured> {
  const measured: Measured = { sent: 0, delivered: 0, refused: 0, seconds: 0, http: {}, device: {} };
  const run = crypto.randomUUID();
  const startedAt = performance.now();
  let lastAt = startedAt;
  let next = 0;

  async function request(): Promise<void> {
    const requestedAt = performance.now();
    const contents = Array.from({ length: load.batch }, () => `${run} ${next++}`);
    const arrived = contents.map((content, at) => {
      const to = devices.userId(next - load.batch + at);
      const arrival = new Promise<void>((resolve) => devices.expect(content, resolve)).then(() => {
        lastAt = performance.now();
        measured.delivered += 1;
        addLatency(measured.device, lastAt - requestedAt);
      });
      return { arrival, command: { command_id: ServerCommand.single, chat_to: to, content, ttl_s: TTL_S } };
    });
    try {
      const body = { commands: arrived.map(({ command }) => command) };
      const { results } = await api.call('POST', '/send-command', sentBatchAnswer, { body });
      addLatency(measured.http, performance.now() - requestedAt);
      for (const [at, { code }] of results.entries()) {
        if (code === 1) measured.sent += 1;
        else devices.forget(contents[at] ?? '');
      }
    } catch (error) {
      for (const content of contents) devices.forget(content);
      if (!(error instanceof BusyFailure)) throw error;
      measured.refused += load.batch;
      await delay(error.retryAfterSeconds * 1_000, undefined, { signal: load.signal }).catch(() => undefined);
      return;
    }
    // With one at a time, the next send waits for the arrival.
    if (load.concurrency === 1) await withinSettling(Promise.all(arrived.map(({ arrival }) => arrival)));
  }

  const isOver = () => load.signal.aborted || performance.now() - startedAt > load.seconds * 1_000;
  const lane = async () => {
    while (!isOver()) await request();
  };
  await Promise.all(Array.from({ length: load.concurrency }, lane));
  const endMs = performance.now() + SETTLE_MS;
  while (devices.outstanding > 0 && performance.now() < endMs && !load.signal.aborted) await delay(LOOK_EVERY_MS);
  measured.seconds = (lastAt - startedAt) / 1_000;
  return measured;
}

async function withinSettling(work: Promise<unknown>): Promise<void> {
  const over = new AbortController();
  const late = delay(SETTLE_MS, undefined, { signal: over.signal }).catch(() => undefined);
  await Promise.race([work, late]);
  over.abort();
}
