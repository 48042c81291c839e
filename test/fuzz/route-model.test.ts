import fc from 'fast-check';
import { Redis } from 'ioredis';
import { afterAll, expect, test } from 'vitest';
import { type Keys, keysOf } from '../../contract/store/keys.ts';
import { parseInboxRecord, parseMailboxMember, type Recipient } from '../../contract/store/records.ts';
import { type RouteCommand, routeCommands } from '../../contract/store/scripts/route.ts';
import { claimSessions, releaseSession } from '../../contract/store/scripts/sessions.ts';
import { settleMessages } from '../../contract/store/scripts/settle.ts';
import type { SessionForm } from '../../contract/wire/session-form.ts';
import { connectRedis } from '../../functions/runtime/drivers/ioredis.ts';
import { readEnvironment } from '../../functions/runtime/environment.ts';
import type { RedisPort } from '../../shared/redis/port.ts';
import { sharedRedisUrl, uniquePrefix } from '../kit/redis.ts';

const port: RedisPort = connectRedis(readEnvironment({ REDIS_URL: sharedRedisUrl() }), undefined);
const redis = new Redis(sharedRedisUrl());
afterAll(async () => {
  await port.close();
  redis.disconnect();
});

const LIMITS = { offlineTtlSeconds: 600, mailboxMax: 4, highestId: 0 };
const USERS = ['a', 'b', '__proto__', '名:{x}'];
const GATEWAYS = ['g1', 'g2', 'dead'];

/** What Redis should hold, in TypeScript: the script is right when both agree. */
class Model {
  readonly users = new Map<string, User>();
  readonly inboxes = new Map<string, { id: string; direct: Recipient[] | 'everyone'; kept: Recipient[] }[]>();

  constructor() {
    for (const gateway of GATEWAYS) this.inboxes.set(gateway, []);
  }

  route(
    id: string,
    commandId: number,
    to: readonly string[] | 'everyone',
  ): { online: number; stored: number; unknown: number } {
    const answer = { online: 0, stored: 0, unknown: 0 };
    if (to === 'everyone') {
      for (const gateway of GATEWAYS.filter(isLive))
        this.inboxes.get(gateway)?.push({ id, direct: 'everyone', kept: [] });
      for (const { gateway } of this.users.values()) if (isLive(gateway)) answer.online += 1;
      return answer;
    }
    const entries = new Map<string, { direct: Recipient[]; kept: Recipient[] }>();
    for (const userId of new Set(to)) {
      const user = this.users.get(userId);
      if (user === undefined) answer.unknown += 1;
      else if (user.gateway !== undefined && isLive(user.gateway) && !(commandId >= 2_000 && user.form === 'plain')) {
        answer.online += 1;
        const entry = entries.get(user.gateway) ?? { direct: [], kept: [] };
        entries.set(user.gateway, entry);
        entry[user.form === 'ack' ? 'kept' : 'direct'].push({ userId, epoch: user.epoch });
        if (user.form === 'ack') user.store(id);
      } else {
        answer.stored += 1;
        user.store(id);
      }
    }
    for (const [gateway, entry] of entries) this.inboxes.get(gateway)?.push({ id, ...entry });
    return answer;
  }
}

class User {
  epoch = 0;
  gateway: string | undefined;
  form: SessionForm = 'plain';
  lost = 0;
  readonly mailbox: string[] = [];

  store(id: string): void {
    this.mailbox.push(id);
    if (this.mailbox.length <= LIMITS.mailboxMax) return;
    this.mailbox.shift();
    this.lost += 1;
  }
}

const isLive = (gateway: string | undefined) => gateway !== undefined && gateway !== 'dead';

interface ModelRun {
  readonly model: Model;
  readonly keys: Keys;
  calls: number;
}
type Step = (run: ModelRun) => Promise<void>;

const add =
  (userId: string): Step =>
  async ({ model, keys }) => {
    await redis.hset(keys.user(userId), 'token', 't');
    if (!model.users.has(userId)) model.users.set(userId, new User());
  };

const claim =
  (userId: string, gateway: string, form: SessionForm): Step =>
  async ({ model, keys }) => {
    const request = { userId, form, proof: { tokenField: 't' } };
    const results = await claimSessions(port, keys, { gatewayId: gateway, highestId: 0 }, LIMITS.offlineTtlSeconds, [
      request,
    ]);
    const user = model.users.get(userId);
    if (!isLive(gateway)) return expect(results).toBe('no_lease');
    if (user === undefined) return expect(results).toEqual([{ status: 'refused' }]);
    user.gateway = gateway;
    user.form = form;
    expect(results).toMatchObject([{ status: 'claimed', lost: user.lost, waiting: user.mailbox.length }]);
    const [{ epoch }] = results as unknown as [{ epoch: number }];
    expect(epoch).toBeGreaterThan(user.epoch);
    user.epoch = epoch;
  };

/** `late`: by a session that is not the current one any more, which must change nothing. */
const release =
  (userId: string, late: boolean): Step =>
  async (run) => {
    const user = run.model.users.get(userId);
    if (user === undefined) return;
    run.calls += 1;
    const gateway = user.gateway ?? 'g1';
    const isCurrent = user.gateway !== undefined && !late;
    const session = { userId, epoch: late ? user.epoch - 1 : user.epoch, holder: gateway };
    const ended = { session, reason: 'client_left', handsOver: false, undelivered: [], call: `c${run.calls}` };
    expect(await releaseSession(port, run.keys, LIMITS, { ...ended, highestId: 0 })).toBe(isCurrent);
    if (isCurrent) user.gateway = undefined;
  };

const acknowledge =
  (userId: string, late: boolean): Step =>
  async ({ model, keys }) => {
    const user = model.users.get(userId);
    const first = user?.mailbox[0];
    if (user === undefined || first === undefined) return;
    const session = { userId, epoch: late ? user.epoch - 1 : user.epoch };
    const ids = [first, '1'];
    const [removed] = await settleMessages(port, keys, [{ session, state: 'acknowledged', ids }]);
    const isCurrent = !late && user.epoch > 0;
    expect(removed).toBe(isCurrent ? 1 : -1);
    if (isCurrent) user.mailbox.shift();
  };

const send =
  (commands: readonly { commandId: number; to: readonly string[] | 'everyone' }[]): Step =>
  async ({ model, keys }) => {
    const routed: RouteCommand[] = commands.map(({ commandId, to }) => ({
      commandId,
      to,
      version: 1_100,
      body: '{}',
      from: 'p',
      ttlSeconds: 0,
      receipt: false,
      traceparent: '',
    }));
    const { status, answers } = await routeCommands(port, keys, routed, LIMITS);
    expect(status).toBe('ok');
    for (const [at, { commandId, to }] of commands.entries()) {
      const answer = answers[at];
      if (answer === undefined) throw new Error('a command has no answer');
      expect(answer).toEqual({ id: answer.id, scheduled: 0, ...model.route(answer.id, commandId, to) });
    }
  };

const user = fc.constantFrom(...USERS);
const commandIds = fc.constantFrom(102, 103, 2_000);
const toSome = fc.record({
  commandId: commandIds,
  to: fc.array(fc.constantFrom(...USERS, 'nobody'), { minLength: 1, maxLength: 6 }),
});
const toAll = fc.constant({ commandId: 104, to: 'everyone' as const });
const forms = fc.constantFrom<SessionForm>('plain', 'extended', 'ack');
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 2, arbitrary: user.map(add) },
  { weight: 3, arbitrary: fc.tuple(user, fc.constantFrom(...GATEWAYS), forms).map((args) => claim(...args)) },
  { weight: 1, arbitrary: fc.tuple(user, fc.boolean()).map((args) => release(...args)) },
  { weight: 1, arbitrary: fc.tuple(user, fc.boolean()).map((args) => acknowledge(...args)) },
  { weight: 4, arbitrary: fc.array(fc.oneof(toSome, toSome, toAll), { minLength: 1, maxLength: 4 }).map(send) },
);

async function agrees(steps: readonly Step[]): Promise<void> {
  const keys = keysOf(uniquePrefix());
  const inAnHour = Date.now() + 3_600_000;
  await redis.zadd(keys.gateways, inAnHour, 'g1', inAnHour, 'g2', 1, 'dead');
  const run: ModelRun = { model: new Model(), keys, calls: 0 };
  for (const next of [...USERS.slice(0, 2).map(add), ...steps]) await next(run);

  const ids: number[] = [];
  for (const gateway of GATEWAYS) {
    const entries = await redis.xrange(keys.inbox(gateway), '-', '+');
    const records = entries.flatMap(([, fields]) =>
      fields.flatMap((field, at) => (at % 2 === 0 ? [parseInboxRecord(field, fields[at + 1] ?? '')] : [])),
    );
    const messages = records.flatMap((one) =>
      one.kind === 'message' ? [{ id: one.head.id, direct: one.inboxOnly, kept: one.alsoInMailbox }] : [],
    );
    expect(messages).toEqual(run.model.inboxes.get(gateway));
    ids.push(...messages.map(({ id }) => Number(id)));
    expect(messages.map(({ id }) => Number(id))).toEqual(messages.map(({ id }) => Number(id)).sort((x, y) => x - y));
  }
  for (const [userId, expected] of run.model.users) {
    const members = await redis.zrange(keys.mailbox(userId), '0', '-1');
    expect(members.map((member) => parseMailboxMember(member).head.id)).toEqual(expected.mailbox);
    const [epoch, gateway, lost] = await redis.hmget(keys.user(userId), 'epoch', 'gateway', 'lost');
    expect([Number(epoch), gateway ?? undefined, Number(lost)]).toEqual([
      expected.epoch,
      expected.gateway,
      expected.lost,
    ]);
  }
}

test('the route, claim, release and settle scripts agree with a small model in TypeScript', async () => {
  await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 25 }), agrees), { numRuns: 120 });
}, 120_000);
