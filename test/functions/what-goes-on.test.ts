import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { keysOf } from '../../contract/store/keys.ts';
import { addFigures } from '../../contract/store/scripts/figures.ts';
import { writeProgress } from '../../contract/store/scripts/settle.ts';
import { writeTail } from '../../contract/store/scripts/tail.ts';
import { connectRedis } from '../../functions/runtime/drivers/ioredis.ts';
import { readEnvironment } from '../../functions/runtime/environment.ts';
import { type HttpApi, startHttpApi, stores } from '../kit/http-api.ts';
import { sharedClusterUrl, sharedRedisUrl } from '../kit/redis.ts';

const MINUTE_MS = 60_000;

describe.each(stores)('history, tail and timeline, on %s', (store) => {
  let http: HttpApi;
  beforeAll(async () => {
    http = await startHttpApi({ store });
  });
  afterAll(() => http.stop());

  const keys = () => keysOf(http.prefix);
  const get = async (path: string) => (await http.call('GET', path)).body;
  /** As a gateway writes, on the same store. */
  async function asGateway<T>(write: (redis: ReturnType<typeof connectRedis>) => Promise<T>): Promise<T> {
    const isCluster = store === 'ioredis in a cluster';
    const url = isCluster ? sharedClusterUrl() : sharedRedisUrl();
    const env = { REDIS_URL: url, REDIS_CLUSTER: String(isCluster), REDIS_KEY_PREFIX: http.prefix };
    const redis = connectRedis(readEnvironment(env), undefined);
    try {
      return await write(redis);
    } finally {
      await redis.close();
    }
  }
  const event = (user: string, fields: Record<string, string | number>) =>
    http.redis.xadd(keys().events, '*', ...Object.entries({ user, epoch: 7, gateway: 'g-1', ...fields }).flat());

  it('the last hours come in steps, with gaps where no gateway reported', async () => {
    const last = Math.floor(Date.now() / MINUTE_MS) - 2;
    const took = Array.from({ length: 15 }, (_, bucket) => (bucket === 3 ? 60 : 0));
    await asGateway(async (redis) => {
      for (const back of [0, 2, 30]) {
        await addFigures(redis, keys(), last - back, { clients: 40, delivered: 600, took });
        await addFigures(redis, keys(), last - back, { clients: 2, delivered: 0, took: [] });
      }
    });
    const hour = await get('/stats/history?hours=1');
    expect(hour.step_s).toBe(60);
    expect(hour.clients.length).toBe(60);
    const at = (minute: number) => minute - hour.from / 60;
    expect([0, 1, 2, 30].map((back) => hour.clients[at(last - back)])).toEqual([42, null, 42, 42]);
    expect(hour.delivered_per_s[at(last)]).toBe(10);
    expect([hour.p50_ms[at(last)], hour.p95_ms[at(last)]]).toEqual([3.75, 4.88]);
    expect(hour.p50_ms[at(last - 1)]).toBeNull();
    expect(hour.gateways[at(last)]).toBe(2);

    const day = await get('/stats/history');
    expect(day).toMatchObject({ step_s: 300, from: expect.any(Number) });
    expect(day.from % 300).toBe(0);
    expect(day.clients.length).toBeGreaterThan(286);
    // A mean of the minutes that are known: a step that has just begun is no fall.
    expect(new Set(day.clients.filter((clients: number | null) => clients !== null))).toEqual(new Set([42]));
    expect(new Set(day.delivered_per_s.filter((rate: number | null) => rate !== null))).toEqual(new Set([10]));
    expect(JSON.stringify(day).length).toBeLessThan(12_000);
  });

  it('the current minute is left out', async () => {
    const now = Math.floor(Date.now() / MINUTE_MS);
    await asGateway((redis) => addFigures(redis, keys(), now + 1, { clients: 1, delivered: 1, took: [] }));
    const hour = await get('/stats/history?hours=1');
    expect(hour.from / 60 + hour.clients.length).toBeLessThanOrEqual(now + 1);
  });

  it('a tail gets later events, of everyone or of one user', async () => {
    await event('ann', { type: 'connected', reason: 'verified', at: 1 });
    const begin = await get('/tail');
    expect(begin).toMatchObject({ lines: [], skipped: 0 });
    const ofBob = await get('/tail?user=bob');
    await event('ann', { type: 'disconnected', reason: 'left', at: 3 });
    // The id of this user is the name of a field.
    await event('at', { type: 'connected', reason: 'verified', at: 4 });
    await asGateway((redis) =>
      writeTail(redis, keys(), [
        { at: 2, type: 'delivered', gateway: 'g-1', user: 'bob', message: '5', command: 102, way: 'inbox' },
      ]),
    );
    const next = await get(`/tail?cursor=${begin.cursor}`);
    expect(next.lines).toEqual([
      { at: 2, type: 'delivered', gateway: 'g-1', user: 'bob', message: '5', command: 102, way: 'inbox' },
      { at: 3, type: 'disconnected', gateway: 'g-1', user: 'ann', epoch: 7, reason: 'left' },
      { at: 4, type: 'connected', gateway: 'g-1', user: 'at', epoch: 7, reason: 'verified' },
    ]);
    expect(await get(`/tail?cursor=${next.cursor}`)).toMatchObject({ lines: [], cursor: next.cursor });
    const bob = await get(`/tail?user=bob&cursor=${ofBob.cursor}`);
    expect(bob.lines.map(({ user }: { user: string }) => user)).toEqual(['bob']);
    expect(await http.redis.zrange(`${http.prefix}tailing`, '0', '-1')).toEqual(expect.arrayContaining(['', 'bob']));
  });

  it('a slow tail misses older lines, and gets their number', async () => {
    const { cursor } = await get('/tail');
    const line = { type: 'delivered', gateway: 'g-1', user: 'ann' } as const;
    await asGateway(async (redis) => {
      for (let i = 0; i < 60; i += 1) {
        await writeTail(
          redis,
          keys(),
          Array.from({ length: 10 }, (_, n) => ({ ...line, at: i * 10 + n })),
        );
      }
    });
    const { lines, skipped, cursor: next } = await get(`/tail?cursor=${cursor}`);
    expect([lines.length, skipped, lines.at(-1).at]).toEqual([300, 300, 599]);
    expect((await get(`/tail?cursor=${next}`)).lines).toEqual([]);
  });

  it('a tail of one user is not cut short by the lines of others, and one of everyone counts what it leaves out', async () => {
    const [mine, all] = [await get('/tail?user=quiet'), await get('/tail')];
    await event('quiet', { type: 'connected', reason: 'verified', at: 1 });
    const line = { at: 2, type: 'delivered', gateway: 'g-1' } as const;
    await asGateway(async (redis) => {
      await writeTail(redis, keys(), [{ ...line, user: 'quiet' }]);
      const others = Array.from({ length: 4 }, () => ({ ...line, user: 'busy', reason: '"user":"quiet"' }));
      for (let i = 0; i < 100; i += 1) await writeTail(redis, keys(), others);
    });
    const pipeline = http.redis.pipeline();
    for (let i = 0; i < 500; i += 1)
      pipeline.xadd(keys().events, '*', 'user', 'busy', 'type', 'connected', 'at', 3, 'epoch', 1, 'gateway', 'g-1');
    await pipeline.exec();
    const page = await get(`/tail?user=quiet&cursor=${mine.cursor}`);
    expect([page.skipped, page.lines.map(({ type }: { type: string }) => type)]).toEqual([
      0,
      ['connected', 'delivered'],
    ]);
    expect(await get(`/tail?user=quiet&cursor=${page.cursor}`)).toMatchObject({ lines: [], cursor: page.cursor });
    const everyone = await get(`/tail?cursor=${all.cursor}`);
    expect([everyone.lines.length, everyone.skipped]).toEqual([300, 602]);
  });

  it('the timeline of a user has connections and messages, in the order of time', async () => {
    await http.addUser('tim');
    await event('tim', { type: 'connected', reason: 'verified', at: 1_000 });
    await event('other', { type: 'connected', reason: 'verified', at: 1_500 });
    await event('tim', { type: 'disconnected', reason: 'heartbeat_timeout', at: 2_000 });
    const { body } = await http.send({ command_id: 102, chat_to: 'tim', content: 'x', receipt: true });
    const step = { messageId: body.id, userId: 'tim' };
    await asGateway((redis) => writeProgress(redis, keys(), [{ ...step, state: 'written' }]));
    const timeline = await get('/users/tim/timeline');
    expect(timeline.events_since).toBeNull();
    const whats = timeline.entries.map(({ what }: { what: string }) => what);
    expect(whats.slice(-2)).toEqual(['disconnected', 'connected']);
    expect(whats.slice(0, 3).sort()).toEqual(['sent', 'stored', 'written']);
    expect(timeline.entries.at(-2)).toMatchObject({ at: 2_000, gateway: 'g-1', reason: 'heartbeat_timeout' });
    expect(timeline.entries.find(({ what }: { what: string }) => what === 'sent')).toMatchObject({
      message: body.id,
      command_id: 102,
      from: expect.any(String),
    });
  });

  it('a timeline reads a bounded number of events', async () => {
    await http.addUser('rare');
    await event('rare', { type: 'connected', reason: 'verified', at: 1 });
    const pipeline = http.redis.pipeline();
    for (let i = 0; i < 10_500; i += 1)
      pipeline.xadd(keys().events, '*', 'user', 'busy', 'type', 'connected', 'at', '5');
    await pipeline.exec();
    expect(await get('/users/rare/timeline')).toMatchObject({ entries: [], events_since: 5 });
  });
});
