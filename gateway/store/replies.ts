import type { Keys } from '../../contract/store/keys.ts';
import { type Reply, writeReplies } from '../../contract/store/scripts/asks.ts';
import { workOf } from '../../contract/store/work.ts';
import type { Log } from '../../shared/log.ts';
import type { RedisPort } from '../../shared/redis/port.ts';
import { GatheredWrites } from './gathered-writes.ts';

/** Replies of clients on their way to the receipts of their asks. */
export class Replies extends GatheredWrites<Reply> {
  constructor({ redis, keys, log }: { redis: RedisPort; keys: Keys; log: Pick<Log, 'error'> }) {
    super({
      what: 'reply',
      workOf: ({ reply }) => workOf(1, reply.length),
      write: (replies) => writeReplies(redis, keys, replies),
      log,
    });
  }
}
