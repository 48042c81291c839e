import { describe, expect, it } from 'vitest';
import type { UpstreamItem } from '../../contract/upstream.ts';
import { parseSendCommand } from '../../contract/wire/commands.ts';
import {
  chat,
  createHandler,
  NotUpstreamError,
  push,
  reply,
  typed,
  UnhandledGapError,
  UnknownCommandError,
} from '../../sdk/upstream/index.ts';

const item = (user: string, seq: number, body: unknown = {}, command_id = 1000): UpstreamItem => ({
  user,
  epoch: 1,
  seq,
  at: 1,
  traceparent: '00-0-0-01',
  command_id,
  version: 1,
  body,
});
const items = (...list: UpstreamItem[]) => ({ fronttcp: 1, kind: 'items', batch: 'b', items: list });
const request = (one: UpstreamItem) => ({ fronttcp: 1, kind: 'request', deadline: Date.now() + 1_000, item: one });

function number(body: unknown): number {
  if (typeof body !== 'number') throw new TypeError('not a number');
  return body;
}

describe('createHandler', () => {
  it('gives each item to the handler of its command, one after the other for a user', async () => {
    const seen: string[] = [];
    const first = Promise.withResolvers<void>();
    const handler = createHandler({
      items: {
        1000: async ({ user, seq }) => {
          if (user === 'a' && seq === 1) await first.promise;
          seen.push(`${user}${seq}`);
        },
        1001: ({ user, seq }) => {
          seen.push(`${user}${seq}`);
          if (user === 'b' && seq === 2) first.resolve();
        },
      },
    });
    expect(await handler(items(item('a', 1), item('a', 2, {}, 1001), item('b', 1), item('b', 2, {}, 1001)))).toBe(
      undefined,
    );
    expect(seen).toEqual(['b1', 'b2', 'a1', 'a2']);
  });

  it('fails the batch when one item fails, after the items of other users and without those behind it', async () => {
    const seen: number[] = [];
    const handler = createHandler({
      items: {
        1000: typed(number, ({ body }) => {
          seen.push(body);
        }),
      },
    });
    const batch = items(item('a', 1, 1), item('a', 2, 'x'), item('a', 3, 3), item('b', 1, 4));
    await expect(handler(batch)).rejects.toThrow('not a number');
    expect(seen.toSorted()).toEqual([1, 4]);
    await expect(handler(items(item('a', 1, 'x'), item('b', 1, 'x')))).rejects.toThrow('2 of 2 users failed');
  });

  it('answers a request with what its handler replies and sends', async () => {
    const handler = createHandler({
      requests: {
        1500: typed(number, ({ user, body }, { remainingMs }) => {
          expect(remainingMs).toBeGreaterThan(0);
          return reply({ twice: 2 * body }).send(push(2100, [user, 'b'], { x: 1 }), chat('b', 'hi'), chat(['a'], 'ho'));
        }),
        1501: () => undefined,
      },
    });
    const answer = await handler(request(item('a', 1, 21, 1500)));
    expect(answer).toEqual({
      reply: { twice: 42 },
      send: [
        { command_id: 2100, chat_to: ['a', 'b'], content: { x: 1 } },
        { command_id: 102, chat_to: 'b', content: 'hi' },
        { command_id: 103, chat_to: ['a'], content: 'ho' },
      ],
    });
    expect(answer?.send?.map((command) => parseSendCommand(command).success)).toEqual([true, true, true]);
    expect(await handler(request(item('a', 1, {}, 1501)))).toEqual({ reply: {} });
  });

  it('ignores nothing: an unknown command fails, and so does an unknown event', async () => {
    const handler = createHandler({});
    await expect(handler(request(item('a', 1)))).rejects.toThrow(UnknownCommandError);
    await expect(handler(items(item('a', 1)))).rejects.toThrow('no handler for command 1000');
    for (const event of [undefined, null, {}, { Records: [] }, { fronttcp: 2, kind: 'items' }]) {
      await expect(handler(event)).rejects.toThrow(NotUpstreamError);
    }
  });

  it('gives lifecycle events to their handlers', async () => {
    const seen: string[] = [];
    const handler = createHandler({ lifecycle: { connected: ({ user }) => void seen.push(user) } });
    const event = (type: string) => ({ type, user: 'a', epoch: 1, gateway: 'g', reason: 'verified', at: 1, id: '1-0' });
    await handler({ fronttcp: 1, kind: 'lifecycle', batch: 'b', items: [event('connected'), event('lost')] });
    expect(seen).toEqual(['a']);
  });

  it('gives a gap to its handler, and fails for lifecycle handlers without one', async () => {
    const gap = { fronttcp: 1, kind: 'gap', batch: 'b', after: '1-0', before: '9-0' };
    const seen: unknown[] = [];
    await createHandler({ gap: (event) => void seen.push(event) })(gap);
    expect(seen).toEqual([gap]);
    await expect(createHandler({ lifecycle: {} })(gap)).rejects.toThrow(UnhandledGapError);
    await createHandler({})(gap);
  });
});
