import { Session as Inspector } from 'node:inspector/promises';
import { memoryUsage } from 'node:process';
import { setTimeout } from 'node:timers/promises';
import { getHeapSpaceStatistics, getHeapStatistics } from 'node:v8';
import type { Registry } from '../session/registry.ts';

const MAX_PROFILE_SECONDS = 60;

export interface DebugAnswer {
  readonly status: number;
  readonly body: object;
}

/**
 * For whoever looks into one gateway: off unless DEBUG_ENDPOINTS is set, and only on the health port. No contents, no tokens.
 *   /debug/cpu?seconds=5       a profile for the developer tools (.cpuprofile)
 *   /debug/heap                what memory is used for, in sums
 *   /debug/session?user=<id>   one session's state
 */
export class DebugEndpoints {
  readonly #registry: Registry;
  #isProfiling = false;

  constructor(registry: Registry) {
    this.#registry = registry;
  }

  async answer(url: URL): Promise<DebugAnswer> {
    if (url.pathname === '/debug/cpu') return this.#cpu(Number(url.searchParams.get('seconds') ?? 5));
    if (url.pathname === '/debug/heap') return { status: 200, body: heapSummary() };
    if (url.pathname === '/debug/session') return this.#session(url.searchParams.get('user') ?? '');
    return { status: 404, body: { error: 'not found' } };
  }

  async #cpu(seconds: number): Promise<DebugAnswer> {
    if (!(seconds > 0 && seconds <= MAX_PROFILE_SECONDS)) {
      return { status: 400, body: { error: `seconds is above 0 and at most ${MAX_PROFILE_SECONDS}` } };
    }
    if (this.#isProfiling) return { status: 409, body: { error: 'a profile is being taken' } };
    this.#isProfiling = true;
    const inspector = new Inspector();
    inspector.connect();
    try {
      await inspector.post('Profiler.enable');
      await inspector.post('Profiler.start');
      await setTimeout(seconds * 1_000);
      return { status: 200, body: (await inspector.post('Profiler.stop')).profile };
    } finally {
      inspector.disconnect();
      this.#isProfiling = false;
    }
  }

  #session(userId: string): DebugAnswer {
    const session = this.#registry.get(userId);
    if (session === undefined) return { status: 404, body: { error: 'this user has no session here' } };
    const { connectionId, state, form, epoch, features, lastSentId, outbox, socket, routesInFlight } = session;
    const body = {
      user: userId,
      connection: connectionId,
      state,
      form,
      features,
      epoch,
      last_sent_id: String(lastSentId),
      routes_in_flight: routesInFlight,
      bad_frames: session.badFrames,
      outbox: { bytes: outbox.bytes, stalled_ms: stalledMs(outbox.stalledSinceMs) },
      socket: { bytes_read: socket.bytesRead, bytes_written: socket.bytesWritten, buffered: socket.writableLength },
    };
    return { status: 200, body };
  }
}

function stalledMs(sinceMs: number): number {
  return sinceMs === 0 ? 0 : Math.round(performance.now() - sinceMs);
}

/** Sums alone: a snapshot would stop a full gateway for seconds, and hold its clients' messages. */
function heapSummary(): object {
  const spaces = getHeapSpaceStatistics().map(({ space_name, space_used_size, space_size }) => ({
    name: space_name,
    used_bytes: space_used_size,
    bytes: space_size,
  }));
  return { memory: memoryUsage(), heap: getHeapStatistics(), spaces };
}
