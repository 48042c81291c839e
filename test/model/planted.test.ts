import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseInboxRecord } from '../../contract/store/records.ts';
import { drainQueue } from '../../contract/store/scripts/drain-queue.ts';
import { buryGateway, holdLease } from '../../contract/store/scripts/gateways.ts';
import { stashMessages } from '../../contract/store/scripts/mailbox.ts';
import { routeCommands } from '../../contract/store/scripts/route.ts';
import {
  type ClaimRequest,
  claimSessions,
  disconnectUser,
  releaseSession,
} from '../../contract/store/scripts/sessions.ts';
import { settleMessages } from '../../contract/store/scripts/settle.ts';
import { startTestRedis, type TestRedis } from '../kit/redis.ts';
import { type Edit, ModelStore } from './store.ts';

/** Bugs that could be made in a script, each with the promise that it breaks: kept by the real script, broken by the planted one. */
const USER = 'u';
const limits = { offlineTtlSeconds: 600, mailboxMax: 2, highestId: 0 };

class Scene {
  readonly store: ModelStore;
  #calls = 0;

  constructor(url: string, edits: readonly Edit[]) {
    this.store = new ModelStore(url, edits);
  }

  async begin(): Promise<void> {
    await this.store.clear();
    await this.command('HSET', this.store.keys.user(USER), 'token', 'token');
    for (const gatewayId of ['g1', 'g2', 'g3']) {
      const lease = { gatewayId, leaseMs: 600_000, highestId: 0, sinceLastMs: undefined, fields: {} };
      await holdLease(this.store.port, this.store.keys, lease);
    }
  }

  command(name: string, ...args: (string | number)[]) {
    return this.store.port.command(name, ...args);
  }

  async claim(gatewayId: string, form: 'plain' | 'ack', proof: ClaimRequest['proof'] = { tokenField: 'token' }) {
    const claimant = { gatewayId, highestId: 0 };
    const request = { userId: USER, form, proof };
    const results = await claimSessions(this.store.port, this.store.keys, claimant, 600, [request]);
    if (results === 'no_lease' || results[0] === undefined) throw new Error('no lease');
    return results[0];
  }

  async claimed(gatewayId: string, form: 'plain' | 'ack' = 'plain') {
    const result = await this.claim(gatewayId, form);
    if (result.status !== 'claimed') throw new Error(result.status);
    return result;
  }

  async send(idempotency?: { key: string; digest: string; ttlSeconds: number }): Promise<string> {
    const command = {
      commandId: 102,
      version: 1100,
      body: '{}',
      to: [USER],
      from: 'op',
      ttlSeconds: 0,
      receipt: false,
      traceparent: '',
    };
    const options = idempotency === undefined ? limits : { ...limits, idempotency };
    const { answers } = await routeCommands(this.store.port, this.store.keys, [command], options);
    return answers[0]?.id ?? '';
  }

  async release(holder: string, epoch: number): Promise<void> {
    this.#calls += 1;
    const session = { userId: USER, epoch, holder };
    const release = { session, reason: 'left', handsOver: false, undelivered: [], call: `c${this.#calls}` };
    await releaseSession(this.store.port, this.store.keys, limits, { ...release, highestId: 0 });
  }

  async inbox(gatewayId: string) {
    const entries = (await this.command('XRANGE', this.store.keys.inbox(gatewayId), '-', '+')) as [string, string[]][];
    return entries.flatMap(([, fields]) =>
      fields.flatMap((field, i) => (i % 2 === 0 ? [parseInboxRecord(field, fields[i + 1] ?? '')] : [])),
    );
  }

  async waiting(): Promise<number> {
    return (await this.command('ZCARD', this.store.keys.mailbox(USER))) as number;
  }
}

interface Planted {
  readonly name: string;
  readonly edit: Edit;
  /** Whether the promise is kept. */
  readonly isKept: (scene: Scene) => Promise<boolean>;
}

const bugs: readonly Planted[] = [
  {
    name: 'an acknowledgement that also deletes the next id',
    edit: {
      script: 'settle',
      find: 'local members, removed = take_out(user, ids)',
      replace: `local behind = redis.call('ZRANGEBYSCORE', P .. 'mailbox:' .. user, '(' .. ids[1], '+inf', 'LIMIT', 0, 1)[1]
if behind then ids[#ids + 1] = id_of(behind) end
local members, removed = take_out(user, ids)`,
    },
    isKept: async (scene) => {
      const id = await scene.send();
      await scene.send();
      const { epoch } = await scene.claimed('g1', 'ack');
      const session = { userId: USER, epoch };
      await settleMessages(scene.store.port, scene.store.keys, [{ session, state: 'acknowledged', ids: [id] }]);
      return (await scene.waiting()) === 1;
    },
  },
  {
    name: 'a batch repeated after a lost reply',
    edit: { script: 'route', find: 'if pastDigest == digest then', replace: 'if false then' },
    isKept: async (scene) => {
      const batch = { key: 'batch:g1', digest: '1', ttlSeconds: 60 };
      await scene.send(batch);
      await scene.send(batch);
      return (await scene.waiting()) === 1;
    },
  },
  {
    name: 'a put-back that wakes nobody',
    edit: {
      script: 'stash',
      find: 'if session[1] and not session[3] then notify_mailbox(session[1], user, session[2]) end',
      replace: '',
    },
    isKept: async (scene) => {
      await scene.claimed('g1');
      const message = { userIds: [USER], id: '8', rest: '102,1100,0,"",""', body: '{}' };
      await stashMessages(scene.store.port, scene.store.keys, limits, [message], 'stash', 0);
      return (await scene.inbox('g1')).some(({ kind }) => kind === 'mailbox');
    },
  },
  {
    name: 'a replaced session that is resumed',
    edit: {
      script: 'claim',
      find: "if since_of(session[2], was[4]) > tonumber(since) then return 'superseded ' .. (was[9] or '') end",
      replace: '',
    },
    isKept: async (scene) => {
      const { epoch } = await scene.claimed('g1');
      await scene.claimed('g2');
      const proof = { resumeEpoch: epoch, sinceEpoch: epoch, holder: 'g1' };
      return (await scene.claim('g3', 'plain', proof)).status === 'superseded';
    },
  },
  {
    name: 'a loss that is not counted',
    edit: { script: 'route', find: "redis.pcall('HINCRBY', P .. 'user:' .. user, 'lost', #members)", replace: '' },
    isKept: async (scene) => {
      for (let i = 0; i <= limits.mailboxMax; i += 1) await scene.send();
      return (await scene.command('HGET', scene.store.keys.user(USER), 'lost')) === '1';
    },
  },
  {
    name: 'a queue cut before it is routed',
    edit: {
      script: 'drain_queue',
      find: "local entries = redis.call('LRANGE', list, -done - count_, -done - 1)",
      replace: `local entries = redis.call('LRANGE', list, -done - count_, -done - 1)
    redis.call('LTRIM', list, 0, -1 - #entries)`,
    },
    isKept: async (scene) => {
      const { queue, gateways } = scene.store.keys;
      const entry = { command_id: 102, chat_from: 'q', chat_to: [USER], chat_content: 'x' };
      await scene.claimed('g1');
      await scene.command('LPUSH', queue, JSON.stringify(entry));
      // The script fails in the middle.
      await scene.command('SET', gateways, 'no sorted set');
      const drain = { ...limits, maxEntries: 10, maxRecipients: 10, maxEntryBytes: 10_000 };
      await drainQueue(scene.store.port, scene.store.keys, drain as never).catch(() => undefined);
      return (await scene.command('LLEN', queue)) === 1;
    },
  },
  {
    name: 'a burial that hands over for nobody',
    edit: {
      script: 'bury',
      find: 'if record[5] == 1 then hand_over(record[2], int(record[3])) end',
      replace: '',
    },
    isKept: async (scene) => {
      await scene.claimed('g1');
      await scene.claimed('g2');
      await scene.command('ZADD', scene.store.keys.gateways, 1, 'g1');
      const how = { leaving: false, max: 100 };
      while ((await buryGateway(scene.store.port, scene.store.keys, 'g1', limits, how)).outcome === 'more');
      return (await scene.command('HEXISTS', scene.store.keys.user(USER), 'owing')) === 0;
    },
  },
  {
    name: 'a claim that does not look at the token again',
    edit: {
      script: 'claim',
      find: 'elseif not is_valid_token(token, { was[1], was[2] }) then',
      replace: 'elseif false then',
    },
    isKept: async (scene) => (await scene.claim('g1', 'plain', { tokenField: 'the one before' })).status === 'refused',
  },
  {
    name: 'a release whose successor does not wait',
    edit: { script: 'release', find: '    owe(user, epoch)\n    post(gateway', replace: '    post(gateway' },
    isKept: async (scene) => {
      const { epoch } = await scene.claimed('g1');
      await scene.send();
      await scene.release('g1', epoch);
      return (await scene.claimed('g2')).predecessorHandsOver;
    },
  },
  {
    name: 'a kick with the wrong epoch',
    edit: {
      script: 'disconnect',
      find: 'end_session(user, session[1], session[2], session[3], ARGV[3])',
      replace: "end_session(user, session[1], redis.call('HGET', key, 'epoch'), session[3], ARGV[3])",
    },
    isKept: async (scene) => {
      const { epoch } = await scene.claimed('g1');
      await disconnectUser(scene.store.port, scene.store.keys, USER, { reason: 'kicked', revoke: false });
      const [record] = await scene.inbox('g1');
      return record?.kind === 'close' && record.epoch === epoch;
    },
  },
];

let redis: TestRedis;
beforeAll(async () => {
  redis = await startTestRedis();
});
afterAll(() => redis.stop());

describe('a planted bug is found', () => {
  it.each(bugs)('$name', async ({ edit, isKept }) => {
    for (const edits of [[], [edit]]) {
      const scene = new Scene(redis.url, edits);
      try {
        await scene.begin();
        expect(await isKept(scene)).toBe(edits.length === 0);
      } finally {
        await scene.store.port.close();
      }
    }
  });
});
