import type { Keys } from '../../contract/store/keys.ts';
import type { RedisPort } from '../../shared/redis/port.ts';

/** What a failover loses was acknowledged in the last moments before it. */
const KEPT_MS = 10_000;
const KEPT_BYTES = 8_388_608;
/** About what a call holds in memory beside its messages, and each user or message id in it. */
export const CALL_BYTES = 300;
export const ID_BYTES = 64;

interface RecentCall {
  readonly gatewayId: string;
  readonly number: number;
  readonly bytes: number;
  /** When Redis had replied. */
  readonly at: number;
  readonly make: () => Promise<unknown>;
}

interface RecentCallsParts {
  readonly redis: RedisPort;
  readonly keys: Keys;
  readonly lease: { readonly gatewayId: string };
}

/**
 * The latest calls that changed something in Redis for a message that this gateway has, or had: what is removed from the inbox
 * after such a call is nowhere else. A failover may lose them although they were acknowledged. Each is numbered, and its
 * script notes the number (`note_call` of prelude.lua): numbers that a promoted replica does not have are made again.
 */
export class RecentCalls {
  readonly #redis: RedisPort;
  readonly #keys: Keys;
  readonly #lease: RecentCallsParts['lease'];
  /** Oldest reply first. */
  #calls: RecentCall[] = [];
  #bytes = 0;
  #gatewayId = '';
  #number = 0;

  constructor({ redis, keys, lease }: RecentCallsParts) {
    this.#redis = redis;
    this.#keys = keys;
    this.#lease = lease;
  }

  /** Makes a call, now and, where it is forgotten, again under the same name. `bytes`: about what it holds in memory. */
  async make<T>(bytes: number, call: (name: string) => Promise<T>): Promise<T> {
    const { gatewayId, number } = this.#next();
    const make = () => call(`${gatewayId}:${number}`);
    const result = await make();
    this.#keep({ gatewayId, number, bytes, at: performance.now(), make });
    return result;
  }

  /** The name of a call that is not made again where it is forgotten: its script recognises a copy of it by that. */
  nextName(): string {
    const { gatewayId, number } = this.#next();
    return `${gatewayId}:${number}`;
  }

  #next(): { gatewayId: string; number: number } {
    const { gatewayId } = this.#lease;
    if (this.#gatewayId !== gatewayId) {
      this.#gatewayId = gatewayId;
      this.#number = 0;
    }
    this.#number += 1;
    return { gatewayId, number: this.#number };
  }

  /**
   * After Redis was away: makes the calls that it has forgotten again, in their order. Resolves with how many were made, and with
   * the errors of those that it refuses now. What had no reply was sent again before.
   */
  async repeatForgotten(): Promise<{ made: number; errors: unknown[] }> {
    // One id follows another, and so do their calls.
    const calls = [...this.#calls];
    const ids = [...new Set(calls.map(({ gatewayId }) => gatewayId))];
    const noted = await Promise.all(ids.map((id) => this.#redis.command('GET', this.#keys.writes(id))));
    const forgotten = ids.flatMap((id, i) => {
      const tookEffect = effectiveIn(noted[i] as string | null);
      const own = calls.filter(({ gatewayId, number }) => gatewayId === id && !tookEffect(number));
      return own.sort((a, b) => a.number - b.number);
    });
    const results = await Promise.allSettled(forgotten.map(({ make }) => make()));
    const errors = results.flatMap((result) => (result.status === 'rejected' ? [result.reason as unknown] : []));
    return { made: results.length - errors.length, errors };
  }

  #keep(call: RecentCall): void {
    this.#calls.push(call);
    this.#bytes += call.bytes;
    let gone = 0;
    for (const { at, bytes } of this.#calls) {
      if (at > call.at - KEPT_MS && this.#bytes <= KEPT_BYTES) break;
      this.#bytes -= bytes;
      gone += 1;
    }
    this.#calls.splice(0, gone);
  }
}

/** `noted`: '<all up to this number> <further> …'; null: none. */
function effectiveIn(noted: string | null): (number: number) => boolean {
  const [upTo = 0, ...further] = (noted ?? '0').split(' ').map(Number);
  const others = new Set(further);
  return (number) => number <= upTo || others.has(number);
}
