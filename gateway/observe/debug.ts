import type { HeapProfiler } from 'node:inspector';
import { Session as Inspector } from 'node:inspector/promises';
import { memoryUsage } from 'node:process';
import { setTimeout } from 'node:timers/promises';
import { getHeapSpaceStatistics, getHeapStatistics } from 'node:v8';
import type { Registry } from '../session/registry.ts';

const MAX_PROFILE_SECONDS = 60;
const SAMPLING_BYTES = 32_768;
const MAX_SITES = 40;

interface DebugAnswer {
  readonly status: number;
  readonly body: object;
}

/**
 * For looking into one gateway: off unless DEBUG_ENDPOINTS is set, and only on the health port. No contents, no tokens.
 *   /debug/cpu?seconds=5       a profile for the developer tools (.cpuprofile)
 *   /debug/heap?seconds=5      memory in sums; and the origin of objects that were made meanwhile and are still held
 *   /debug/session?user=<id>   one session's state
 */
export class DebugEndpoints {
  readonly #registry: Pick<Registry, 'get'>;
  #isProfiling = false;

  constructor(registry: Pick<Registry, 'get'>) {
    this.#registry = registry;
  }

  async answer(url: URL): Promise<DebugAnswer> {
    const seconds = Number(url.searchParams.get('seconds') ?? 5);
    if (url.pathname === '/debug/cpu') return this.#profile(seconds, cpuProfile);
    if (url.pathname === '/debug/heap') return this.#profile(seconds, heapSummary);
    if (url.pathname === '/debug/session') return this.#session(url.searchParams.get('user') ?? '');
    return { status: 404, body: { error: 'not found' } };
  }

  async #profile(seconds: number, take: (inspector: Inspector, ms: number) => Promise<object>): Promise<DebugAnswer> {
    if (!(seconds > 0 && seconds <= MAX_PROFILE_SECONDS)) {
      return { status: 400, body: { error: `seconds is above 0 and at most ${MAX_PROFILE_SECONDS}` } };
    }
    if (this.#isProfiling) return { status: 409, body: { error: 'a profile is being taken' } };
    this.#isProfiling = true;
    const inspector = new Inspector();
    inspector.connect();
    try {
      return { status: 200, body: await take(inspector, seconds * 1_000) };
    } finally {
      inspector.disconnect();
      this.#isProfiling = false;
    }
  }

  #session(userId: string): DebugAnswer {
    const session = this.#registry.get(userId);
    if (session === undefined) return { status: 404, body: { error: 'this user has no session here' } };
    const { connectionId, state, outbox, connection } = session;
    const { form, epoch, features } = session.identity;
    const { badFrames, lastSentId, routesInFlight } = session.inspection;
    const body = {
      user: userId,
      connection: connectionId,
      state,
      form,
      features,
      epoch,
      last_sent_id: String(lastSentId),
      routes_in_flight: routesInFlight,
      bad_frames: badFrames,
      outbox: { bytes: outbox.bytes, stalled_ms: stalledMs(outbox.stalledSinceMs) },
      socket: {
        bytes_read: connection.bytesRead,
        bytes_written: connection.bytesWritten,
        buffered: connection.writableLength,
      },
    };
    return { status: 200, body };
  }
}

function stalledMs(sinceMs: number): number {
  return sinceMs === 0 ? 0 : Math.round(performance.now() - sinceMs);
}

async function cpuProfile(inspector: Inspector, ms: number): Promise<object> {
  await inspector.post('Profiler.enable');
  await inspector.post('Profiler.start');
  await setTimeout(ms);
  return (await inspector.post('Profiler.stop')).profile;
}

/** By sampling: a snapshot would stop a full gateway for seconds, take its memory once more, and hold its clients' messages. */
async function heapSummary(inspector: Inspector, ms: number): Promise<object> {
  await inspector.post('HeapProfiler.startSampling', { samplingInterval: SAMPLING_BYTES });
  await setTimeout(ms);
  const { profile } = await inspector.post('HeapProfiler.stopSampling');
  const sites = new Map<string, number>();
  countSites(profile.head, sites);
  const held = [...sites].sort(([, a], [, b]) => b - a).slice(0, MAX_SITES);
  return {
    memory: memoryUsage(),
    heap: getHeapStatistics(),
    spaces: getHeapSpaceStatistics(),
    held: held.map(([site, bytes]) => ({ site, bytes })),
  };
}

function countSites(
  { callFrame, selfSize, children }: HeapProfiler.SamplingHeapProfileNode,
  sites: Map<string, number>,
) {
  const { functionName, url, lineNumber } = callFrame;
  const site = `${functionName || '(anonymous)'} ${url.split('/').slice(-3).join('/')}:${lineNumber + 1}`;
  if (selfSize > 0) sites.set(site, (sites.get(site) ?? 0) + selfSize);
  for (const child of children) countSites(child, sites);
}
