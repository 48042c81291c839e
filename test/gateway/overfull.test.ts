import { describe, expect, test } from 'vitest';
import { encodeFrame } from '../../contract/wire/frame.ts';
import { Message } from '../../gateway/session/messages.ts';
import { sessionsInProcess } from '../kit/sessions-in-process.ts';

/** Two of these fill the outbox, the third is held for the replay that it begins, and the fourth is too much. */
const broadcast = (name: string) =>
  Message.broadcast(encodeFrame(1, 104, JSON.stringify({ chat_content: name.padEnd(970, '.') })), 0);

const stored = (id: string, content: string) => ({
  head: { id, commandId: 102, version: 1100, expiresAtMs: 0, flags: '', traceparent: '' },
  body: JSON.stringify({ chat_content: content }),
});

const broadcastsIn = (frames: readonly string[]) =>
  frames.flatMap((frame) => /^104 .*"chat_content": ?"(\w+)/.exec(frame)?.[1] ?? []);

/** More turns than any replay here takes. */
async function turns(g: ReturnType<typeof sessionsInProcess>): Promise<void> {
  for (let i = 0; i < 20; i += 1) await g.turn();
}

async function overfull(features?: string[]) {
  const g = sessionsInProcess({ OUTBOX_MAX_BYTES: '1024' });
  const client = await g.verified('u', features);
  const fill = () => {
    for (const name of ['one', 'two', 'three', 'four']) g.broadcasts.add(broadcast(name));
  };
  return { g, client, fill };
}

describe('broadcasts of one turn that are too much for a session', () => {
  test('a message behind them is put back, and not written to the connection that has ended', async () => {
    const { g, client, fill } = await overfull();
    const settled: unknown[] = [];
    const { head, body } = stored('7', 'behind them');
    fill();
    client.session.deliver(new Message(head, body, 'inbox', (_userId, _epoch, written) => settled.push(written)));
    await g.turn();
    expect(settled).toEqual([false]);
    expect(client.received().join()).not.toContain('behind them');
    expect(g.counters.closes.get('slow_reader')).toBe(1);
  });

  test('a notice behind them goes out before the goodbye, and nothing after it', async () => {
    const { g, client, fill } = await overfull(['pong', 'goodbye']);
    fill();
    client.send(5);
    await g.turn();
    expect(client.received().slice(-2)).toEqual(['105 ', expect.stringMatching(/^112 .*"slow_reader"/)]);
    expect(client.connection.isEnded).toBe(true);
  });

  test('a session that they end is not left among those that are served from their mailbox', async () => {
    const { g, client, fill } = await overfull();
    fill();
    client.session.notifyMailbox();
    await g.turn();
    expect([client.session.isClosed, client.session.isReplaying]).toEqual([true, false]);
    expect(g.asked).toEqual([]);
  });

  test('a user that verifies again in that turn has a connection that works, and gets them once', async () => {
    const { g, client, fill } = await overfull();
    client.send(1, { phone_number: 'u', token: 'token of u' });
    fill();
    await turns(g);
    expect([client.session.state, client.connection.isEnded]).toEqual(['live', false]);
    expect(broadcastsIn(client.received())).toEqual(['one', 'two', 'three', 'four']);
  });

  test('what their sender sends directly after them does not overtake them', async () => {
    const { g, client } = await overfull();
    const sender = await g.verified('sender');
    for (const name of ['one', 'two', 'three']) sender.send(4, { chat_content: name.padEnd(950, '.') });
    sender.send(2, { chat_to: 'u', chat_content: 'behind them' });
    expect(client.session.state).toBe('replaying');
    expect(g.routed.at(-1)).toContain('behind them');
    await g.turn();
    await g.turn();
    expect(broadcastsIn(client.received())).toEqual(['one', 'two', 'three']);
  });
});

describe('broadcasts that come while a session is served from its mailbox', () => {
  test('one that comes in the turn in which its user verifies again is sent once', async () => {
    const { g, client } = await overfull();
    client.connection.block();
    client.session.notifyMailbox();
    client.send(5);
    client.send(1, { phone_number: 'u', token: 'token of u' });
    expect(client.session.state).toBe('replaying');
    g.broadcasts.add(broadcast('once'));
    client.connection.unblock();
    await turns(g);
    expect(broadcastsIn(client.received())).toEqual(['once']);
  });

  test('those that were sent with a page no longer count as held', async () => {
    const { g, client } = await overfull();
    for (const name of ['one', 'two', 'three']) {
      g.meanwhile.push(() => g.broadcasts.add(broadcast(name)));
      g.pages.push([stored(String(g.pages.length + 1), name)]);
    }
    client.session.notifyMailbox();
    await turns(g);
    expect(client.session.state).toBe('live');
    expect(broadcastsIn(client.received())).toEqual(['one', 'two', 'three']);
  });
});

describe('messages that wait for a stalled reader which verifies again', () => {
  /** A reader that stalled with one message being written and one behind it; and how each was settled. */
  async function stalled() {
    const g = sessionsInProcess();
    const client = await g.verified('u');
    await g.turn();
    client.connection.block();
    const settled: string[] = [];
    for (const [id, origin] of [
      ['7', 'inbox'],
      ['8', 'broadcast'],
      ['9', 'inbox'],
    ] as const) {
      const { head, body } = stored(id, id);
      const settle = (userId: string, _epoch: number, written: unknown) => settled.push(`${id} ${userId} ${written}`);
      client.session.deliver(new Message(head, body, origin, settle));
      await g.turn();
    }
    const verifiesAs = async (userId: string) => {
      client.send(1, { phone_number: userId, token: `token of ${userId}` });
      await turns(g);
    };
    return { g, client, settled, verifiesAs };
  }

  test('as the same user: what is being written goes on, a broadcast is sent behind it, and each is settled once', async () => {
    const { g, client, settled, verifiesAs } = await stalled();
    await verifiesAs('u');
    expect(g.released.map((items) => items.map(({ id }) => id))).toEqual([['9']]);
    client.connection.unblock();
    await turns(g);
    expect(settled).toEqual(['9 u false', '7 u plain', '8 u plain']);
    const contents = client.received().map((frame) => /"code": 1|"chat_content":"(\d)/.exec(frame)?.[1] ?? 'verified');
    expect(contents).toEqual(['verified', '7', 'verified', '8']);
  });

  test('as another user: what is being written is put back for the user whose it is', async () => {
    const { g, client, settled, verifiesAs } = await stalled();
    await verifiesAs('another');
    expect(g.released.map((items) => items.map(({ id }) => id))).toEqual([['7', '9']]);
    client.connection.unblock();
    await turns(g);
    expect(settled).toEqual(['7 u false', '8 u false', '9 u false']);
    expect(g.counters.deliveredInbox).toBe(0);
  });
});
