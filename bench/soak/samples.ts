import { readdirSync, readFileSync } from 'node:fs';
import { PREFIX, type System } from './system.ts';

/** The sizes that must not grow, at one moment. */
export interface Sample {
  atSeconds: number;
  gatewayMemory: number;
  gatewayHeap: number;
  gatewayFiles: number;
  gatewayTimers: number;
  gatewayConnections: number;
  apiMemory: number;
  apiFiles: number;
  /** Keys without a time to live; those with one go by themselves. */
  redisKeys: number;
  redisExpiringKeys: number;
  redisMemory: number;
}

export async function takeSample(system: System, startedAtMs: number): Promise<Sample> {
  const text = await (await fetch(`http://127.0.0.1:${system.gateway.ports[1]}/metrics`)).text();
  const metric = (name: string) =>
    Number(
      text
        .split('\n')
        .find((line) => line.startsWith(`${name} `))
        ?.split(' ')[1] ?? 0,
    );
  const keyspace = await system.redis.info('keyspace');
  const memory = await system.redis.info('memory');
  const [, all = '0', expiring = '0'] = /keys=(\d+),expires=(\d+)/.exec(keyspace) ?? [];
  const apiPid = system.api.child.pid ?? 0;
  return {
    atSeconds: Math.round((performance.now() - startedAtMs) / 1_000),
    gatewayMemory: metric('process_resident_memory_bytes'),
    gatewayHeap: metric('nodejs_heap_size_used_bytes'),
    gatewayFiles: metric('process_open_fds'),
    gatewayTimers: metric('nodejs_active_resources{type="Timeout"}'),
    gatewayConnections: metric('fronttcp_connections'),
    apiMemory: residentBytes(apiPid),
    apiFiles: readdirSync(`/proc/${apiPid}/fd`).length,
    redisKeys: Number(all) - Number(expiring),
    redisExpiringKeys: Number(expiring),
    redisMemory: Number(/used_memory:(\d+)/.exec(memory)?.[1] ?? 0),
  };
}

function residentBytes(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1_024;
}

/** Names of the keys without a time to live, as patterns, with how many there are of each. */
export async function lastingKeys({ redis }: System): Promise<Map<string, number>> {
  const kinds = new Map<string, number>();
  for (const name of await redis.keys(`${PREFIX}*`)) {
    if ((await redis.ttl(name)) !== -1) continue;
    const kind = name.slice(PREFIX.length).replace(/:.*/, ':*');
    kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
  }
  return kinds;
}
