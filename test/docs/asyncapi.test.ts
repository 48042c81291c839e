import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { APPLICATION_DOWN, APPLICATION_UP, ClientCommand, ServerCommand } from '../../contract/wire/command-ids.ts';
import { DEFAULT_MAX_FRAME_BYTES } from '../../contract/wire/frame.ts';
import { asyncApiDocument, asyncApiFile, serializeAsyncApi } from '../../scripts/asyncapi.ts';
import { startClientGateway, type TestGateway } from '../client/gateway.ts';
import { asyncApiProblems, schemaProblems } from '../kit/json-schema.ts';
import { Peer, type ReceivedFrame } from '../kit/peer.ts';
import { vectors } from '../vectors/vectors.ts';

interface Message {
  headers: { properties: { command_id: { const?: number; minimum?: number; maximum?: number } } };
  payload: object;
}
const document = asyncApiDocument() as { components: { messages: Record<string, Message> } };
const messages = Object.values(document.components.messages);

function rangeOf({ headers }: Message): [first: number, last: number] {
  const { const: only, minimum = 0, maximum = 0 } = headers.properties.command_id;
  return only === undefined ? [minimum, maximum] : [only, only];
}

function messageOf(commandId: number): Message | undefined {
  return messages.find((message) => {
    const [first, last] = rangeOf(message);
    return commandId >= first && commandId <= last;
  });
}

/** What the document has against a frame. */
function problemsOf({ commandId, version, text }: Pick<ReceivedFrame, 'commandId' | 'version' | 'text'>): string[] {
  const message = messageOf(commandId);
  if (message === undefined) return [`${commandId} is not described`];
  const headers = { length: 12 + Buffer.byteLength(text), version, command_id: commandId };
  return [
    ...schemaProblems(message.headers, headers),
    ...schemaProblems(message.payload, text === '' ? null : JSON.parse(text)),
  ];
}

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startClientGateway();
});
afterAll(() => gateway.stop());

test('docs/asyncapi.json is generated from the contract (else: npm run asyncapi)', () => {
  expect(JSON.parse(readFileSync(asyncApiFile, 'utf8'))).toEqual(JSON.parse(serializeAsyncApi()));
});

test('it is valid AsyncAPI 3.0', () => {
  expect(asyncApiProblems(document)).toEqual([]);
  expect(asyncApiProblems({ ...document, channels: { connection: { address: 1 } } })).not.toEqual([]);
});

test('every reference resolves', () => {
  const references = [...serializeAsyncApi().matchAll(/"\$ref": "#\/([^"]+)"/g)].map(([, path]) => path ?? '');
  expect(references.length).toBeGreaterThan(40);
  for (const path of references) {
    const found = path.split('/').reduce<unknown>((at, name) => (at as Record<string, unknown>)?.[name], document);
    expect([path, typeof found]).toEqual([path, 'object']);
  }
});

test('it has every command of the contract, and no other', () => {
  const single = [...Object.values(ClientCommand), ...Object.values(ServerCommand)].map((id) => [id, id]);
  const ranges = [APPLICATION_UP, APPLICATION_DOWN].map(({ first, last }) => [first, last]);
  const byId = (a: number[], b: number[]) => (a[0] ?? 0) - (b[0] ?? 0);
  expect(messages.map(rangeOf).sort(byId)).toEqual([...single, ...ranges].sort(byId));
});

test.each(vectors.filter(({ command_id }) => command_id < 0xffffffff))('it describes the vector "$name"', (vector) => {
  expect(problemsOf({ commandId: vector.command_id, version: vector.version, text: vector.body })).toEqual([]);
});

test('it does not describe frames that a gateway refuses', () => {
  for (const [commandId, text] of [
    [1, '{"phone_number":"u"}'],
    [2, '{"chat_to":["u"],"chat_content":"x"}'],
    [3, '{"chat_to":[],"chat_content":"x"}'],
    [4, '{"chat_content":1}'],
    [5, '{}'],
    [6, '{"ids":["x"]}'],
    [7, ''],
    [2, `{"chat_to":"u","chat_content":"${'x'.repeat(DEFAULT_MAX_FRAME_BYTES)}"}`],
  ] as const) {
    expect(problemsOf({ commandId, version: 1, text }), text.slice(0, 40)).not.toEqual([]);
  }
});

test('it describes every frame that a real gateway sends, to a plain client and to one that asked for everything', async () => {
  const [plain, full] = [await Peer.connect(gateway.port), await Peer.connect(gateway.port)];
  const tokens = { plain: await gateway.token('plain'), full: await gateway.token('full') };
  const features = ['ack', 'receipts', 'errors', 'pong', 'goodbye'];
  await plain.verify('plain', { token: 'wrong' });
  await plain.verify('plain', { token: tokens.plain });
  await full.verify('full', { token: tokens.full, features });
  full.send(2, { chat_to: 'plain', chat_content: 'one', ref: 1 });
  await full.receives(110);
  full.send(3, { chat_to: ['plain', 'full'], chat_content: 'two', ref: 'two' });
  // Its own copy and the receipt come by two ways.
  await full.next();
  await full.next();
  full.send(2, { chat_to: 'nobody', chat_content: 'x', ref: 'three' });
  await full.receives(111);
  full.send(1_000, { ref: 4 });
  await full.receives(111);
  full.send(7);
  await full.receives(111);
  full.send(5);
  await full.receives(105);
  await gateway.push({ command_id: 102, chat_from: 'queue', chat_to: ['full'], chat_content: 'from the queue' });
  await full.receives(102);
  plain.send(4, { chat_content: 'to all' });
  await full.receives(104);
  await plain.receives(102);
  await plain.receives(103);
  await plain.receives(104);
  const next = await Peer.connect(gateway.port);
  await next.verify('full', { token: tokens.full, features });
  await full.receives(112);
  const frames = [...plain.frames, ...full.frames, ...next.frames];
  expect(new Set(frames.map(({ commandId }) => commandId))).toEqual(new Set([101, 102, 103, 104, 105, 110, 111, 112]));
  for (const frame of frames) expect([frame.text, problemsOf(frame)]).toEqual([frame.text, []]);
  await next.leave();
});
