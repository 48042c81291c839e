import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestGateway, type TestGateway } from '../kit/gateway.ts';
import { until } from '../kit/until.ts';

let g: TestGateway;
beforeAll(async () => {
  g = await startTestGateway({
    MAX_BAD_FRAMES: '1000',
    MAX_VERIFY_ATTEMPTS: '1000',
    MAX_VERIFY_FAILURES_PER_USER: '0',
    MAX_VERIFY_FAILURES_PER_ADDRESS: '0',
  });
});
afterAll(() => g.stop());

/** What a connection is, as far as the protocol tells. */
interface Model {
  isVerified: boolean;
  features: readonly string[] | undefined;
  /** What the client must be sent, in order: answers and messages each for themselves. */
  answers: unknown[][];
  messages: unknown[];
}

type Step = (model: Model, userId: string, version: number) => { commandId: number; body: unknown };

const has = ({ isVerified, features }: Model, feature: string) => isVerified && features?.includes(feature) === true;
const refuse = (model: Model, error: string, version: number, ref?: string) => {
  if (has(model, 'errors')) model.answers.push([111, version, error, ref]);
};

const verify =
  (features: readonly string[] | undefined): Step =>
  (model, userId, version) => {
    model.isVerified = true;
    model.features = features;
    model.answers.push([101, version, 1, features === undefined ? undefined : [...features].sort()]);
    return { commandId: 1, body: { phone_number: userId, token: `token of ${userId}`, features } };
  };

/** Every kind of frame, each with what it does in every state. */
const steps: Record<string, Step> = {
  wrongToken(model, userId, version) {
    model.answers.push([101, version, 0, undefined]);
    return { commandId: 1, body: { phone_number: userId, token: 'wrong' } };
  },
  malformedVerify(model, _userId, version) {
    model.answers.push([101, version, 0, undefined]);
    refuse(model, 'malformed', version);
    return { commandId: 1, body: '{' };
  },
  heartbeat(model, _userId, version) {
    if (has(model, 'pong')) model.answers.push([105, version]);
    return { commandId: 5, body: '' };
  },
  single(model, userId, version) {
    if (model.isVerified) model.messages.push([102, version]);
    return { commandId: 2, body: { chat_from: 'somebody', chat_to: userId, chat_content: `${version}` } };
  },
  singleWithRef(model, userId, version) {
    if (model.isVerified) model.messages.push([102, version]);
    if (has(model, 'receipts')) model.answers.push([110, version, 'r']);
    return { commandId: 2, body: { chat_to: userId, chat_content: `${version}`, ref: 'r' } };
  },
  group(model, userId, version) {
    if (model.isVerified) model.messages.push([103, version]);
    return { commandId: 3, body: { chat_to: [userId, userId, 'nobody'], chat_content: `${version}` } };
  },
  broadcast(model, _userId, version) {
    if (model.isVerified) model.messages.push([104, version]);
    return { commandId: 4, body: { chat_content: `${version}` } };
  },
  malformed(model, _userId, version) {
    refuse(model, 'malformed', version, 'r');
    return { commandId: 2, body: { chat_content: 1, ref: 'r' } };
  },
  notJson(model, _userId, version) {
    refuse(model, 'malformed', version);
    return { commandId: 3, body: '[' };
  },
  unknownCommand(model, _userId, version) {
    refuse(model, 'unknown_command', version);
    return { commandId: 77, body: '{}' };
  },
  acknowledgeWithoutAck(model, _userId, version) {
    refuse(model, 'unknown_command', version);
    return { commandId: 6, body: { ids: ['1'] } };
  },
  applicationWithoutUpstream(model, _userId, version) {
    refuse(model, 'no_upstream', version, 'r');
    return { commandId: 1_000, body: { ref: 'r' } };
  },
  serverCommand(model, _userId, version) {
    refuse(model, 'unknown_command', version);
    return { commandId: 102, body: { chat_from: 'x', chat_content: 'x' } };
  },
};

const features = fc.option(fc.subarray(['errors', 'pong', 'receipts', 'goodbye']), { nil: undefined });
const step = fc.oneof(
  { weight: 1, arbitrary: features.map((named) => ['verify', verify(named)] as const) },
  { weight: 5, arbitrary: fc.constantFrom(...Object.entries(steps)) },
);

const END = 4_000_000_000;
let run = 0;

async function holds(dialogue: readonly (readonly [string, Step])[]): Promise<void> {
  run += 1;
  const userId = `table ${run}`;
  await g.users(userId);
  const peer = await g.peer();
  const model: Model = { isVerified: false, features: undefined, answers: [], messages: [] };
  for (const [at, [, next]] of dialogue.entries()) {
    const { commandId, body } = next(model, userId, at + 1);
    peer.send(commandId, body, at + 1);
  }
  // A verify that fails is always answered, behind everything before it.
  peer.send(1, { phone_number: userId, token: 'wrong' }, END);
  // A receipt that is still on its way when the client verifies again may come too late for the features it had.
  const lastVerify = model.answers.findLastIndex(([commandId]) => commandId === 101);
  const mayMiss = model.answers.filter(([commandId], i) => commandId === 110 && i < lastVerify).length;
  const isMessage = ({ commandId }: { commandId: number }) => commandId >= 102 && commandId <= 104;
  const isReceipt = ([commandId]: unknown[]) => commandId === 110;
  const meant110 = model.answers.filter(isReceipt);
  await until('the end is answered, and everything of each kind is here', () => {
    if (peer.isClosed) return true;
    const here = peer.frames.filter(({ version }) => version !== END);
    const messages = here.filter(isMessage).length;
    const receipts = here.filter(({ commandId }) => commandId === 110).length;
    return (
      here.length < peer.frames.length &&
      messages >= model.messages.length &&
      receipts >= meant110.length - mayMiss &&
      here.length - messages - receipts >= model.answers.length - meant110.length
    );
  });
  const messages = peer.frames.filter(isMessage);
  expect(messages.map(({ commandId, version }) => [commandId, version])).toEqual(model.messages);
  for (const { body, version } of messages) expect(body).toEqual({ chat_from: userId, chat_content: `${version}` });
  const answers = peer.frames.filter((frame) => !isMessage(frame) && frame.version !== END);
  // A receipt comes when Redis has the message: it may be overtaken by what needs no Redis, not by another receipt.
  const receipts = answers.map(plainOf).filter(isReceipt);
  expect(meant110).toEqual(expect.arrayContaining(receipts));
  expect(receipts.length).toBeGreaterThanOrEqual(meant110.length - mayMiss);
  expect(answers.map(plainOf).filter((one) => !isReceipt(one))).toEqual(model.answers.filter((one) => !isReceipt(one)));
  await peer.leave();
}

function plainOf({ commandId, version, body }: { commandId: number; version: number; body: unknown }): unknown[] {
  const said = (body ?? {}) as { code?: number; features?: string[]; ref?: string; error?: string };
  if (commandId === 101) return [101, version, said.code, said.features && [...said.features].sort()];
  if (commandId === 110) return [110, version, said.ref];
  if (commandId === 111) return [111, version, said.error, said.ref];
  return [commandId, version];
}

const states: [string, (readonly [string, Step])[]][] = [
  ['unverified', []],
  ['plain', [['verify', verify(undefined)]]],
  ['with every feature but ack', [['verify', verify(['errors', 'pong', 'receipts', 'goodbye'])]]],
  [
    'verified twice',
    [
      ['verify', verify(undefined)],
      ['verify', verify(['errors'])],
    ],
  ],
];

test.each(states)(
  '%s × every kind of frame',
  async (_, before) => {
    for (const entry of Object.entries(steps)) await holds([...before, entry]);
  },
  120_000,
);

test('any dialogue gets the replies of the table', async () => {
  await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 20 }), holds), { numRuns: 40, endOnFailure: true });
}, 120_000);
