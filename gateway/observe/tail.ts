import type { Keys } from '../../contract/store/keys.ts';
import { EVERYONE, type TailLine, writeTail } from '../../contract/store/scripts/tail.ts';
import type { RedisPort } from '../../shared/redis/port.ts';
import type { Message } from '../session/messages.ts';

const FLUSH_MS = 250;
/** Lines per flush, for people to read. Further lines are only counted. */
const LINES_MAX = 200;

/** Writes deliveries and refusals for those that follow the deployment live; without a follower it costs one comparison. */
export class Tail {
  #isOn = false;
  #wanted: ReadonlySet<string> = new Set();
  #lines: TailLine[] = [];
  #skipped = 0;
  #timer: NodeJS.Timeout | undefined;
  readonly #parts: { redis: RedisPort; keys: Keys; gatewayId: () => string };

  constructor(parts: { redis: RedisPort; keys: Keys; gatewayId: () => string }) {
    this.#parts = parts;
  }

  /** Whether anybody follows. */
  get isOn(): boolean {
    return this.#isOn;
  }

  /** User ids that are followed; an empty one is for everyone. */
  follow(users: readonly string[]): void {
    this.#wanted = new Set(users);
    this.#isOn = users.length > 0;
  }

  delivered(user: string, { head, origin }: Message): void {
    const way = origin === 'inbox, in mailbox too' ? 'inbox' : origin;
    const message = head.id === '0' ? {} : { message: head.id };
    this.#write(user, { type: 'delivered', user, command: head.commandId, way, ...message });
  }

  refused(user: string, type: 'refused' | 'verify_refused', reason?: string): void {
    this.#write(user, { type, user, ...(reason === undefined ? {} : { reason }) });
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#isOn = false;
  }

  #write(user: string, line: Omit<TailLine, 'at' | 'gateway'>): void {
    if (!this.#wanted.has(EVERYONE) && !this.#wanted.has(user)) return;
    if (this.#lines.length >= LINES_MAX) this.#skipped += 1;
    else this.#lines.push({ at: Date.now(), gateway: this.#parts.gatewayId(), ...line });
    this.#timer ??= setTimeout(() => this.#flush(), FLUSH_MS);
  }

  #flush(): void {
    const { redis, keys, gatewayId } = this.#parts;
    const lines = this.#lines;
    if (this.#skipped > 0) {
      lines.push({ at: Date.now(), gateway: gatewayId(), type: 'skipped', count: this.#skipped });
    }
    this.#lines = [];
    this.#skipped = 0;
    this.#timer = undefined;
    // Followers notice by the missing lines that Redis is away; nobody else needs to know.
    writeTail(redis, keys, lines).catch(() => undefined);
  }
}
