import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { disconnectUser } from '../../contract/store/scripts/sessions.ts';
import { chat, gateway, startTestGateway, type TestGateway } from '../kit/gateway.ts';

let shared: TestGateway;
beforeAll(async () => {
  shared = await startTestGateway({ HEARTBEAT_TIMEOUT_MS: '4321' });
});
afterAll(() => shared.stop());

describe('the reply to a verify with features', () => {
  test('names those that were accepted, the session, and the heartbeat timeout', async () => {
    const { verdict } = await shared.verified('f1', ['goodbye', 'pong', 'teleport', 'receipts', 'errors']);
    expect(verdict).toEqual({
      code: 1,
      features: ['receipts', 'errors', 'pong', 'goodbye'],
      session: expect.stringMatching(/^\d+$/),
      heartbeat_timeout_ms: 4_321,
    });
  });

  test('ignores unknown names, however many and long', async () => {
    const unknown = Array.from({ length: 70 }, (_, i) => `${i} ${'x'.repeat(100)}`);
    expect((await shared.verified('f6', [...unknown, 'pong', 'pong'])).verdict).toMatchObject({ features: ['pong'] });
  });

  test('has `lost` for ack alone', async () => {
    expect((await shared.verified('f2', ['ack'])).verdict).toMatchObject({ features: ['ack'], lost: 0 });
    expect((await shared.verified('f3', [])).verdict).toEqual({
      code: 1,
      features: [],
      session: expect.stringMatching(/^\d+$/),
      heartbeat_timeout_ms: 4_321,
    });
  });

  test('gives a new session each time', async () => {
    const first = await shared.verified('f4', ['pong']);
    const second = await shared.verified('f4', ['pong']);
    expect(second.verdict.session).not.toBe(first.verdict.session);
  });

  test('a failed verify has only the original members', async () => {
    const client = await shared.peer();
    client.send(1, { phone_number: 'f5', token: 'wrong', features: ['ack'] });
    await client.receives(101, '{"code": 0}');
  });
});

test('features belong to the connection: a client that reconnects without them is plain', async () => {
  const first = await shared.verified('belongs', ['pong', 'errors', 'ack']);
  first.send(5);
  await first.receives(105, '');
  expect(await first.verify('belongs')).toEqual({ code: 1 });
  first.send(5);
  first.send(77);
  first.send(2, { chat_to: 'belongs', chat_content: 'plain' });
  await first.receives(102, '{"chat_from": "belongs", "chat_content": "plain"}');
});

test('pong: a heartbeat gets a pong with its version', async () => {
  const client = await shared.verified('pong', ['pong']);
  client.send(5, '', 42);
  await client.receives(105, '', 42);
  client.send(5, 'a body that nobody looks at', 43);
  await client.receives(105, '', 43);
});

describe('receipts', () => {
  test.each([['a string'], [17], [0], [-1.5], ['']])(
    'a ref %j comes back as it was, with the id and the version',
    async (ref) => {
      const client = await shared.verified('r1', ['receipts']);
      client.send(2, { chat_to: 'r1', chat_content: 'x', ref }, 9);
      const frames = [await client.next(), await client.next()].sort((a, b) => a.commandId - b.commandId);
      expect(frames.map(({ commandId }) => commandId)).toEqual([102, 110]);
      expect(frames[1]?.body).toEqual({ ref, id: expect.stringMatching(/^\d+$/) });
      expect(frames[1]?.version).toBe(9);
    },
  );

  test('one for each, in the order of the sends; none without a ref', async () => {
    await shared.users('r-away');
    const client = await shared.verified('r2', ['receipts']);
    client.send(2, { chat_to: 'r-away', chat_content: 'x', ref: 'single' });
    client.send(2, { chat_to: 'r-away', chat_content: 'x' });
    client.send(3, { chat_to: ['r-away', 'unknown'], chat_content: 'x', ref: 'group' });
    client.send(2, { chat_to: 'r-away', chat_content: 'x', ref: 'last' });
    const bodies = [await client.receives(110), await client.receives(110), await client.receives(110)].map(
      ({ body }) => body as { ref: string; id: string },
    );
    expect(bodies.map(({ ref }) => ref)).toEqual(['single', 'group', 'last']);
    const ids = bodies.map(({ id }) => Number(id));
    expect(ids).toEqual([...ids].sort((a, b) => a - b));
  });

  test('a client without the feature gets none', async () => {
    const client = await shared.verified('r3', ['errors']);
    client.send(2, { chat_to: 'r3', chat_content: 'x', ref: 1 });
    await client.receives(102, chat('r3', 'x'));
    client.send(2, { chat_to: 'r3', chat_content: 'y' });
    await client.receives(102, chat('r3', 'y'));
  });
});

describe('errors', () => {
  test.each([
    ['malformed', 2, { chat_to: 'x', ref: 'a' }, 'a'],
    ['malformed', 2, { chat_to: ['x'], chat_content: 'x', ref: 1 }, 1],
    ['malformed', 3, { chat_to: 'x', chat_content: 'x', ref: 2 }, 2],
    ['malformed', 3, { chat_to: [], chat_content: 'x', ref: 2 }, 2],
    ['malformed', 3, { chat_to: ['x', 1], chat_content: 'x', ref: 3 }, 3],
    ['malformed', 3, { chat_to: ['x', ''], chat_content: 'x', ref: 3 }, 3],
    ['malformed', 4, { chat_content: 5, ref: 4 }, 4],
    ['malformed', 2, 'not JSON', undefined],
    ['malformed', 2, '', undefined],
    ['malformed', 2, '[]', undefined],
    ['malformed', 2, 'null', undefined],
    ['malformed', 2, { chat_to: 'x', chat_content: 'x', ref: { deep: 1 } }, undefined],
    ['malformed', 6, { ids: ['x'] }, undefined],
    ['malformed', 1_000, '{', undefined],
    ['too_many_recipients', 3, { chat_to: ['1', '2', '3', '4'], chat_content: 'x', ref: 5 }, 5],
    ['unknown_recipient', 2, { chat_to: 'nobody', chat_content: 'x', ref: 6 }, 6],
    ['unknown_command', 77, { ref: 7 }, 7],
    ['unknown_command', 101, '', undefined],
    ['unknown_command', 2_000, '', undefined],
    ['unknown_command', 0xffff_ffff, '', undefined],
    ['unknown_command', 6, { ids: ['1'] }, undefined],
    ['no_upstream', 1_000, { ref: 8 }, 8],
    ['no_upstream', 1_999, '', undefined],
  ])('%s: command %i with %j', async (error, commandId, body, ref) => {
    const own = await few();
    const features = error === 'malformed' && commandId === 6 ? ['errors', 'ack'] : ['errors'];
    const client = await own.verified('e', features);
    client.send(commandId, body, 21);
    const refused = await client.receives(111, undefined, 21);
    const named = ref === undefined ? {} : { ref };
    expect(refused.body).toEqual({ error, message: expect.stringMatching(/\w/), ...named });
  });

  let limited: TestGateway | undefined;
  async function few(): Promise<TestGateway> {
    limited ??= await startTestGateway({ MAX_RECIPIENTS: '3' });
    return limited;
  }
  afterAll(() => limited?.stop());

  test('a legitimate refusal does not count as a bad frame', async () => {
    const own = await gateway({ MAX_BAD_FRAMES: '0' });
    const client = await own.verified('e', ['errors']);
    client.send(2, { chat_to: 'nobody', chat_content: 'x', ref: 1 });
    await client.receives(111);
    client.send(1_000, {});
    await client.receives(111);
    client.send(2, { chat_to: 'e', chat_content: 'still here' });
    await client.receives(102, chat('e', 'still here'));
  });
});

describe('goodbye', () => {
  const goodbye = (reason: string) => ({ reason, reconnect_after_ms: expect.any(Number) });

  test('taken_over, to the older connection that knows it', async () => {
    const older = await shared.verified('g1', ['goodbye']);
    await shared.verified('g1');
    await older.receives(112, goodbye('taken_over'), 1_100);
    await older.isClosedSilently();
  });

  test.each(['kicked', 'logged_out'] as const)('%s', async (reason) => {
    const client = await shared.verified(reason, ['goodbye']);
    const plain = await shared.verified(`${reason} plain`);
    await disconnectUser(shared.redis, shared.keys, reason, { reason, revoke: reason === 'logged_out' });
    await disconnectUser(shared.redis, shared.keys, `${reason} plain`, { reason, revoke: false });
    await client.receives(112, goodbye(reason));
    await client.isClosedSilently();
    await plain.isClosedSilently();
  });

  test('bad_length', async () => {
    const client = await shared.verified('g3', ['goodbye']);
    client.sendBytes(Buffer.alloc(12));
    await client.receives(112, goodbye('bad_length'));
    await client.isClosedSilently();
  });

  test('too_many_bad_frames, after the last refusal', async () => {
    const own = await gateway({ MAX_BAD_FRAMES: '1' });
    const client = await own.verified('g4', ['goodbye', 'errors']);
    client.send(77);
    client.send(78);
    await client.receives(111);
    await client.receives(111);
    await client.receives(112, goodbye('too_many_bad_frames'));
    await client.isClosedSilently();
  });

  test('too_many_verify_attempts, after the last verdict', async () => {
    const own = await gateway({ MAX_VERIFY_ATTEMPTS: '1' });
    const client = await own.verified('g5', ['goodbye']);
    await client.verify('g5', { token: 'wrong' });
    client.send(1, { phone_number: 'g5', token: 'wrong' });
    await client.receives(101, { code: 0 });
    await client.receives(112, goodbye('too_many_verify_attempts'));
    await client.isClosedSilently();
  });

  test('heartbeat_timeout', async () => {
    const own = await gateway({ HEARTBEAT_TIMEOUT_MS: '100' });
    const client = await own.verified('g6', ['goodbye']);
    client.send(5);
    await client.receives(112, goodbye('heartbeat_timeout'));
    await client.isClosedSilently();
  });

  test('draining: after everything in flight', async () => {
    const own = await gateway();
    const client = await own.verified('g7', ['goodbye']);
    const plain = await own.verified('g7 plain');
    await own.running.stop();
    await client.receives(112, goodbye('draining'));
    await client.isClosedSilently();
    await plain.isClosedSilently();
  });
});
