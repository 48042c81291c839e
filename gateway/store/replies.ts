import type { Keys } from '../../contract/store/keys.ts';
import { type Reply, writeReplies } from '../../contract/store/scripts/asks.ts';
import { workOf } from '../../contract/store/work.ts';
import type { Log } from '../../shared/log.ts';
import type { RedisPort } from '../../shared/redis/port.ts';
import { GatheredWrites } from './gathered-writes.ts';

interface RepliesParts {
  redis: RedisPort;
  keys: Keys;
  counters: { repliesWritten(replies: number, counted: number): void };
  log: Pick<Log, 'error'>;
}

/** Replies of clients on their way to the receipts of their asks. */
export class Replies extends GatheredWrites<Reply> {
  constructor({ redis, keys, counters, log }: RepliesParts) {
    super({
      what: 'reply',
      workOf: ({ reply }) => workOf(1, reply.length),
      write: async (replies) => {
        counters.repliesWritten(replies.length, await writeReplies(redis, keys, replies));
      },
      log,
    });
  }
}
