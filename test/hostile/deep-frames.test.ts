import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Peer } from '../kit/peer.ts';
import { until } from '../kit/until.ts';
import { AWS_ENV } from '../upstream/support/test-function.ts';
import { startTarget, type Target } from './support/target.ts';

/** Parsers and writers of JSON give up at different depths: each of these must be survived. */
const DEPTHS = [64, 1_000, 2_500, 4_000, 5_500, 7_000, 10_000, 30_000];
/** A frame before the verify has 8 KiB at most. */
const DEPTHS_BEFORE_VERIFY = [64, 1_000];

const SHAPES: readonly (readonly [open: string, close: string])[] = [
  ['[', ']'],
  ['{"a":', '}'],
];

const ALL_FEATURES = ['ack', 'receipts', 'errors', 'pong', 'goodbye'];
const USER = 'deep';
const MARK = 'here';

/** Every command, and neighbours that are none. 1000 and 1500 are for a function, 1200 for none. */
const COMMANDS: readonly (readonly [commandId: number, members: object])[] = [
  [1, { phone_number: USER, token: `token of ${USER}`, features: ALL_FEATURES, max_frame_bytes: 65_536 }],
  [2, { chat_from: USER, chat_to: USER, chat_content: 'x', ref: 1 }],
  [3, { chat_from: USER, chat_to: [USER], chat_content: 'x', ref: 1 }],
  [4, { chat_from: USER, chat_content: 'x', ref: 1 }],
  [5, {}],
  [6, { ids: ['1'] }],
  [7, { ask: '1', reply: 1 }],
  ...[8, 9, 10, 999, 1_000, 1_200, 1_500, 1_999, 2_000].map((id) => [id, { ref: 1 }] as const),
];

/** The body itself, each of its members, and one more member, so deep. */
function* bodies(members: object, depths: readonly number[]): Iterable<string> {
  for (const depth of depths) {
    for (const [open, close] of SHAPES) {
      const deep = `${open.repeat(depth)}1${close.repeat(depth)}`;
      yield deep;
      for (const name of [...Object.keys(members), 'other']) {
        yield JSON.stringify({ ...members, [name]: MARK }).replace(`"${MARK}"`, deep);
      }
    }
  }
}

let target: Target;
beforeAll(async () => {
  target = await startTarget({
    env: {
      ...AWS_ENV,
      // Nothing is invoked: every application command here is too deep for a function.
      AWS_ENDPOINT_URL_LAMBDA: 'http://127.0.0.1:9',
      UPSTREAM_FUNCTION: 'devices',
      UPSTREAM_LIFECYCLE_FUNCTION: 'none',
      UPSTREAM_EVENTS: '1000-1099',
      UPSTREAM_REQUESTS: '1500-1999',
      MAX_FRAME_BYTES: '262144',
      MAX_BAD_FRAMES: '1000000',
      MAX_VERIFY_ATTEMPTS: '1000000',
      MAX_VERIFY_FAILURES_PER_USER: '0',
      MAX_VERIFIES_PER_USER: '0',
    },
  });
});
afterAll(() => target.stop());

/** The connection was not ended, and what it sends is still handled. */
async function isServed(peer: Peer, mark: string): Promise<void> {
  peer.send(2, { chat_to: USER, chat_content: mark });
  await until(`${mark} comes, or the end`, () => peer.isClosed || peer.frames.some(({ text }) => text.includes(mark)));
  expect(peer.isClosed, target.process.output()).toBe(false);
}

describe.each(COMMANDS)('command %i', (commandId, members) => {
  test('before the verify', async () => {
    await target.users(USER);
    const peer = await Peer.connect(target.port);
    for (const body of bodies(members, DEPTHS_BEFORE_VERIFY)) peer.send(commandId, body);
    expect(await lastVerdict(peer)).toMatchObject({ code: 1 });
    await isServed(peer, `after the verify, ${commandId}`);
    await peer.leave();
  });

  test.each([
    ['a plain client', undefined],
    ['a client with features', ['errors', 'receipts', 'pong']],
    ['a client with all features', ALL_FEATURES],
  ])('from %s', async (name, features) => {
    const peer = await target.verified(USER, features);
    for (const body of bodies(members, DEPTHS)) peer.send(commandId, body);
    await isServed(peer, `${commandId} of ${name}`);
    await peer.leave();
  });
});

/** Verifies behind all that was sent. */
async function lastVerdict(peer: Peer): Promise<unknown> {
  const last = 4_711;
  peer.send(1, { phone_number: USER, token: `token of ${USER}` }, last);
  const verdict = () => peer.frames.find(({ version }) => version === last);
  await until('the last verdict, or the end', () => peer.isClosed || verdict() !== undefined);
  return verdict()?.body;
}

test('a connection that is not verified ends with a frame of 30,000 levels: it is too long', async () => {
  for (const [open, close] of SHAPES) {
    const peer = await Peer.connect(target.port);
    peer.send(1, `${open.repeat(30_000)}1${close.repeat(30_000)}`);
    await peer.isClosedSilently();
  }
});
