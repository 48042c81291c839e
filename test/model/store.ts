import { createHash } from 'node:crypto';
import { Redis } from 'ioredis';
import { type Keys, keysOf } from '../../contract/store/keys.ts';
import type { RedisArgument, RedisPort, RedisReply, Script } from '../../shared/redis/port.ts';

/** A change in the text of a script: a bug that is planted. */
export interface Edit {
  readonly script: string;
  readonly find: string;
  readonly replace: string;
}

/** All keys of the store at one moment. */
export interface Snapshot {
  readonly dumps: readonly (readonly [key: string, dump: Buffer])[];
  /** What the keys hold, as text: equal for equal contents. */
  readonly text: string;
}

/** Keys that record what happened, and decide nothing that the model looks at. */
const RECORDS = ['events', 'stats', 'audit', 'users'];

const CONTENTS = `
local out = {}
for _, key in ipairs(redis.call('KEYS', '*')) do
  local kind = redis.call('TYPE', key).ok
  local data = kind == 'hash' and redis.call('HGETALL', key) or kind == 'zset' and redis.call('ZRANGE', key, 0, -1, 'WITHSCORES')
    or kind == 'set' and redis.call('SMEMBERS', key) or kind == 'stream' and redis.call('XRANGE', key, '-', '+')
    or kind == 'list' and redis.call('LRANGE', key, 0, -1) or kind == 'string' and redis.call('GET', key)
  out[#out + 1] = { key, kind, cjson.encode(data) }
end
return out`;

/** A Redis of the model's own, which can be set back to any earlier moment. Runs the real scripts, or planted ones. */
export class ModelStore {
  readonly port: RedisPort;
  readonly keys: Keys = keysOf('');
  readonly #redis: Redis;
  readonly #edits: readonly Edit[];

  constructor(url: string, edits: readonly Edit[] = []) {
    this.#redis = new Redis(url);
    this.#edits = edits;
    this.port = {
      command: (name, ...args) => this.#redis.call(name, ...args) as Promise<RedisReply>,
      pipeline: (commands) =>
        Promise.all(commands.map(([name, ...args]) => this.#redis.call(String(name), ...args))) as Promise<
          RedisReply[]
        >,
      script: (script, keys, args) => this.#run(script, keys, args),
      close: async () => this.#redis.disconnect(),
    };
  }

  /** Only the text differs from the script that is shipped. */
  async #run(script: Script, keys: readonly string[], args: readonly RedisArgument[]): Promise<RedisReply> {
    const { lua, sha1 } = this.#planted(script);
    try {
      return (await this.#redis.evalsha(sha1, keys.length, ...keys, ...args)) as RedisReply;
    } catch (error) {
      if (!String(error).includes('NOSCRIPT')) throw error;
      return (await this.#redis.eval(lua, keys.length, ...keys, ...args)) as RedisReply;
    }
  }

  readonly #texts = new Map<string, { lua: string; sha1: string }>();

  #planted(script: Script): { lua: string; sha1: string } {
    const known = this.#texts.get(script.sha1);
    if (known !== undefined) return known;
    let { lua } = script;
    for (const { script: name, find, replace } of this.#edits) {
      if (name !== script.name) continue;
      const parts = lua.split(find);
      if (parts.length !== 2) throw new Error(`${name} has ${parts.length - 1} times: ${find}`);
      lua = parts.join(replace);
    }
    const text = { lua, sha1: createHash('sha1').update(lua).digest('hex') };
    this.#texts.set(script.sha1, text);
    return text;
  }

  async clear(): Promise<void> {
    await this.#redis.flushall();
  }

  async snapshot(): Promise<Snapshot> {
    const contents = (await this.#redis.eval(CONTENTS, 0)) as [string, string, string][];
    contents.sort(([a], [b]) => (a < b ? -1 : 1));
    const pipeline = this.#redis.pipeline();
    for (const [key] of contents) pipeline.dumpBuffer(key);
    const dumps = (await pipeline.exec()) ?? [];
    return {
      dumps: contents.map(([key], i) => [key, dumps[i]?.[1] as Buffer] as const),
      text: JSON.stringify(contents.filter(([key]) => !RECORDS.includes(key)).map(canonical)),
    };
  }

  async restore(snapshot: Snapshot): Promise<void> {
    const pipeline = this.#redis.pipeline().flushdb();
    for (const [key, dump] of snapshot.dumps) pipeline.restore(key, 0, dump);
    for (const [error] of (await pipeline.exec()) ?? []) if (error) throw error;
  }
}

/** Fields of a user that say when, not what. */
const TIMES = ['connected_at', 'last_seen'];

function canonical([key, kind, json]: readonly [string, string, string]): unknown {
  const data = JSON.parse(json) as unknown[];
  if (kind === 'hash' && key.startsWith('gateway:')) return [key];
  if (kind !== 'hash') return [key, kind === 'set' ? [...data].sort() : data];
  const fields: string[] = [];
  for (let i = 0; i < data.length; i += 2) {
    if (!TIMES.includes(String(data[i]))) fields.push(`${data[i]}=${data[i + 1]}`);
  }
  return [key, fields.sort()];
}

/** Replaces large numbers (ids, epochs, times) by their rank: what counts is which is higher, not how high. */
export function byRank(text: string): string {
  const pattern = /\d{11,}(-\d+)?/g;
  const numbers = [...new Set(text.match(pattern) ?? [])].sort((a, b) => a.length - b.length || (a < b ? -1 : 1));
  const ranks = new Map(numbers.map((number, rank) => [number, `#${rank}`]));
  return text.replace(pattern, (number) => ranks.get(number) ?? number);
}
