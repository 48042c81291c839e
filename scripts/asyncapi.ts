import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import {
  APPLICATION_DOWN,
  APPLICATION_UP,
  ClientCommand,
  FEATURES,
  QUEUE_VERSION,
  ServerCommand,
} from '../contract/wire/command-ids.ts';
import { DEFAULT_MAX_FRAME_BYTES, HEADER_BYTES } from '../contract/wire/frame.ts';
import { Refusals } from '../contract/wire/refusals.ts';
import {
  acknowledgeSchema,
  broadcastSchema,
  groupSchema,
  replySchema,
  singleSchema,
  verifySchema,
} from '../gateway/commands/body.ts';
import { CloseReasons } from '../gateway/session/close-reasons.ts';

/**
 * `npm run asyncapi`: writes docs/asyncapi.json, the wire as AsyncAPI 3.0, seen from the gateway. The bodies of clients are the
 * schemas that validate them; test/docs/asyncapi.test.ts compares the rest with test vectors and a real gateway.
 */
export const asyncApiFile = fileURLToPath(new URL('../docs/asyncapi.json', import.meta.url));

type Schema = Record<string, unknown>;

interface Message {
  readonly id: number | { readonly first: number; readonly last: number };
  readonly direction: 'receive' | 'send';
  readonly summary: string;
  /** The feature that a client must request to get it. */
  readonly feature?: (typeof FEATURES)[number];
  readonly payload: Schema;
}

const NOTHING: Schema = { type: 'null', description: 'No body: `length` is 12.' };
const text = (description: string): Schema => ({ type: 'string', description });
const exactly = (properties: Record<string, Schema>, optional: readonly string[] = []): Schema => ({
  type: 'object',
  required: Object.keys(properties).filter((name) => !optional.includes(name)),
  properties,
  additionalProperties: false,
});

/** A body as the gateway validates it. Other members are ignored, `chat_from` among them. */
function bodySchema(schema: z.ZodType): Schema {
  const { $schema, ...body } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
  delete body.additionalProperties;
  return body;
}

const REF: Schema = { type: ['string', 'number'], description: 'As it came.' };
const delivery = {
  id: { type: 'string', pattern: '^[0-9]{1,16}$', description: 'Feature `ack`: unique, grows with time.' },
  sent_at: { type: 'integer', description: 'Feature `ack`: Unix milliseconds.' },
  ask: {
    type: 'string',
    pattern: '^[0-9]{1,16}$',
    description: 'Any feature: a reply (7) that names it is waited for.',
  },
};
const chat = exactly(
  { chat_from: text('The sender: always a verified user.'), chat_content: text('What was said.'), ...delivery },
  ['id', 'sent_at', 'ask'],
);
const reasons = Object.values(CloseReasons).map(({ name }) => name);

const messages: Readonly<Record<string, Message>> = {
  verify: {
    id: ClientCommand.verify,
    direction: 'receive',
    summary: `Who the client is. Features: ${FEATURES.join(', ')}.`,
    payload: bodySchema(verifySchema),
  },
  sendSingle: {
    id: ClientCommand.single,
    direction: 'receive',
    summary: 'A message to one user.',
    payload: bodySchema(singleSchema),
  },
  sendGroup: {
    id: ClientCommand.group,
    direction: 'receive',
    summary: 'A message to several users.',
    payload: bodySchema(groupSchema),
  },
  sendBroadcast: {
    id: ClientCommand.broadcast,
    direction: 'receive',
    summary: 'A message to everyone connected.',
    payload: bodySchema(broadcastSchema),
  },
  heartbeat: { id: ClientCommand.heartbeat, direction: 'receive', summary: 'A sign of life.', payload: NOTHING },
  acknowledge: {
    id: ClientCommand.acknowledge,
    direction: 'receive',
    summary: 'Messages that the client has.',
    feature: 'ack',
    payload: bodySchema(acknowledgeSchema),
  },
  reply: {
    id: ClientCommand.reply,
    direction: 'receive',
    summary: 'The reply to a message that carried `ask`. Only the first counts, and only from the asked user.',
    payload: bodySchema(replySchema),
  },
  applicationCommand: {
    id: APPLICATION_UP,
    direction: 'receive',
    summary: 'For the function that the deployment names. Any JSON, or nothing; a member `ref` is answered.',
    payload: {},
  },
  verifyResult: {
    id: ServerCommand.verifyResult,
    direction: 'send',
    summary: 'The verdict on a verify: 1, or 0. A client that named no features gets the code alone.',
    payload: exactly(
      {
        code: { enum: [0, 1] },
        features: { type: 'array', items: { enum: [...FEATURES] } },
        session: text('Name of this stay.'),
        heartbeat_timeout_ms: { type: 'integer', minimum: 1 },
        lost: { type: 'integer', minimum: 0, description: 'Feature `ack`: messages that the mailbox had to give up.' },
      },
      ['features', 'session', 'heartbeat_timeout_ms', 'lost'],
    ),
  },
  single: { id: ServerCommand.single, direction: 'send', summary: 'A message to this user.', payload: chat },
  group: { id: ServerCommand.group, direction: 'send', summary: 'A message to several users.', payload: chat },
  broadcast: { id: ServerCommand.broadcast, direction: 'send', summary: 'A message to everyone.', payload: chat },
  heartbeatReply: {
    id: ServerCommand.heartbeatReply,
    direction: 'send',
    summary: 'A sign of life.',
    feature: 'pong',
    payload: NOTHING,
  },
  accepted: {
    id: ServerCommand.accepted,
    direction: 'send',
    summary: 'The frame with that `ref` was accepted.',
    feature: 'receipts',
    payload: exactly({ ref: REF, id: text('Of the message.') }),
  },
  refused: {
    id: ServerCommand.refused,
    direction: 'send',
    summary: 'Something that the client sent was refused. More errors may be added.',
    feature: 'errors',
    payload: exactly(
      {
        error: { type: 'string', examples: Object.keys(Refusals), description: 'Names are stable.' },
        message: text('For people.'),
        ref: REF,
      },
      ['ref'],
    ),
  },
  goodbye: {
    id: ServerCommand.goodbye,
    direction: 'send',
    summary: 'The connection is about to be closed.',
    feature: 'goodbye',
    payload: exactly({
      reason: { type: 'string', examples: reasons },
      reconnect_after_ms: { type: 'integer', minimum: 0 },
    }),
  },
  applicationMessage: {
    id: APPLICATION_DOWN,
    direction: 'send',
    summary: 'A reply of the function (id + 1000, with its `ref`), or pushed through the HTTP API.',
    payload: { type: 'object', properties: delivery },
  },
};

interface Vector {
  readonly name: string;
  readonly command_id: number;
  readonly version: number;
  readonly body: string;
}
const vectorsFile = new URL('../test/vectors/frames.json', import.meta.url);
const vectors = (JSON.parse(readFileSync(vectorsFile, 'utf8')) as { frames: readonly Vector[] }).frames;

function describe([name, message]: [string, Message]): [string, object] {
  const { id, summary, feature, payload } = message;
  const [first, last] = typeof id === 'number' ? [id, id] : [id.first, id.last];
  const uint32 = { type: 'integer', minimum: 0, maximum: 0xffffffff };
  const examples = vectors
    .filter(({ command_id, body }) => command_id >= first && command_id <= last && body !== '')
    .map(({ name: title, version, command_id, body }) => ({
      name: title,
      headers: { length: HEADER_BYTES + Buffer.byteLength(body), version, command_id },
      payload: JSON.parse(body),
    }));
  return [
    name,
    {
      name,
      summary,
      ...(feature === undefined ? {} : { 'x-feature': feature }),
      headers: {
        type: 'object',
        required: ['length', 'version', 'command_id'],
        properties: {
          length: { type: 'integer', minimum: HEADER_BYTES, maximum: DEFAULT_MAX_FRAME_BYTES },
          version: uint32,
          command_id: first === last ? { const: first } : { type: 'integer', minimum: first, maximum: last },
        },
      },
      payload,
      ...(examples.length === 0 ? {} : { examples }),
    },
  ];
}

const inChannel = (name: string) => ({ $ref: `#/channels/connection/messages/${name}` });
const named = (direction: Message['direction']): string[] =>
  Object.keys(messages).filter((name) => messages[name]?.direction === direction);

/** An operation for each frame that is answered by another, and one for all others of a direction. */
function operations(): object {
  const answered: Record<string, readonly string[]> = {
    verify: ['verifyResult'],
    sendSingle: ['accepted', 'refused'],
    sendGroup: ['accepted', 'refused'],
    sendBroadcast: ['accepted', 'refused'],
    heartbeat: ['heartbeatReply'],
    applicationCommand: ['applicationMessage', 'accepted', 'refused'],
  };
  const channel = { $ref: '#/channels/connection' };
  const each = named('receive').map((name) => [
    name,
    {
      action: 'receive',
      channel,
      messages: [inChannel(name)],
      ...(answered[name] === undefined ? {} : { reply: { channel, messages: answered[name].map(inChannel) } }),
    },
  ]);
  return { ...Object.fromEntries(each), send: { action: 'send', channel, messages: named('send').map(inChannel) } };
}

export function asyncApiDocument(): object {
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'fronttcp',
      version: String(QUEUE_VERSION),
      description:
        'Frames over one long TCP connection, seen from the gateway. A frame is a header of three unsigned 32-bit big-endian ' +
        'integers (`length`, which counts the header, `version`, `command_id`) and a body: UTF-8 JSON, or nothing. Every ' +
        'frame but `verify` is dropped until the verdict. See protocol.md.',
      license: { name: 'Apache-2.0', url: 'https://www.apache.org/licenses/LICENSE-2.0' },
    },
    defaultContentType: 'application/json',
    servers: {
      plain: { host: 'localhost:8124', protocol: 'tcp' },
      secure: { host: 'localhost:8124', protocol: 'tls', description: 'Where the deployment has a certificate.' },
    },
    channels: {
      connection: {
        address: null,
        description: 'One connection of one user. Both sides send whenever they like.',
        messages: Object.fromEntries(
          Object.keys(messages).map((name) => [name, { $ref: `#/components/messages/${name}` }]),
        ),
      },
    },
    operations: operations(),
    components: { messages: Object.fromEntries(Object.entries(messages).map(describe)) },
  };
}

export const serializeAsyncApi = (): string => `${JSON.stringify(asyncApiDocument(), null, 2)}\n`;

if (import.meta.main) writeFileSync(asyncApiFile, serializeAsyncApi());
