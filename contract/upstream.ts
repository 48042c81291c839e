import { z } from 'zod';
import { isJsonObject } from '../shared/raw-json.ts';
import { pairsOf } from '../shared/redis/flat.ts';
import { MAX_BATCH } from './wire/commands.ts';

/**
 * The requests of a gateway to the upstream function, and the function's responses. Members have the names that they have
 * on the wire. `fronttcp` is the version of this form: a member may be added, none changes its meaning.
 */
export type UpstreamEvent = UpstreamItems | UpstreamRequest | UpstreamLifecycle | UpstreamGap;

/** Something that a device sent. Unique by `user`, `epoch` and `seq`, which are also its order. */
export interface UpstreamItem<Body = unknown> {
  /** The verified user id. */
  user: string;
  /** Counts the user's sessions. */
  epoch: number;
  /** Counts the application commands of the session, from 1. */
  seq: number;
  /** When the gateway received it, Unix ms. */
  at: number;
  /** W3C trace context. */
  traceparent: string;
  command_id: number;
  /** `version` of the frame. */
  version: number;
  /** As the device sent it, `ref` included; null where it sent none. */
  body: Body;
}

/** Event mode: invoked asynchronously, at least once; the result is ignored. Items of one user are in order. */
export interface UpstreamItems {
  fronttcp: 1;
  kind: 'items';
  /** Of this invocation; the same when it is tried again. For logs. */
  batch: string;
  items: UpstreamItem[];
}

/** Request mode: invoked synchronously; answered by an `UpstreamAnswer` before `deadline`. */
export interface UpstreamRequest {
  fronttcp: 1;
  kind: 'request';
  /** When the device gets the error that no reply came, Unix ms. */
  deadline: number;
  item: UpstreamItem;
}

/** Invoked asynchronously, at least once, in order. */
interface UpstreamLifecycle {
  fronttcp: 1;
  kind: 'lifecycle';
  batch: string;
  items: LifecycleItem[];
}

/**
 * Lifecycle events were removed from the stream before this function had them. Invoked asynchronously, at least once,
 * before the events that follow the gap: read the sessions again through the HTTP API.
 */
export interface UpstreamGap {
  fronttcp: 1;
  kind: 'gap';
  batch: string;
  /** `id` of the last event before the gap. */
  after: string;
  /** `id` of the first event behind it. */
  before: string;
}

/** A session began or ended. Unique by `user`, `epoch` and `type`: each session has one `connected` and one of the others. */
export interface LifecycleItem {
  /** `lost`: ended with its gateway. */
  type: 'connected' | 'disconnected' | 'lost';
  user: string;
  epoch: number;
  gateway: string;
  /** `verified`, `resumed`, `client_left`, `heartbeat_timeout`, `taken_over`, `gateway_lost`, … */
  reason: string;
  /** Unix ms, by Redis's clock. */
  at: number;
  /** Sortable by time and order. */
  id: string;
}

/** The answer to a request. Null is an empty reply. */
export interface UpstreamAnswer {
  /** Goes to the device as command_id + 1000, with its `ref`. */
  reply?: { [member: string]: unknown };
  /** As one element of `commands` of POST /send-command, each; routed before the reply is sent. */
  send?: unknown[];
}

/** Members of a reply that the gateway sets. */
const RESERVED = ['ref', 'id', 'sent_at'];

/** The accepted form of an answer; `parseSendCommand` checks each command in `send`. */
export const upstreamAnswerSchema = z
  .strictObject({
    reply: z
      .custom<Record<string, unknown>>(isJsonObject, 'is not an object')
      .refine((value) => RESERVED.every((name) => !Object.hasOwn(value, name)), 'has a member ref, id or sent_at')
      .default({}),
    send: z.array(z.unknown()).max(MAX_BATCH, `has more than ${MAX_BATCH} commands`).default([]),
  })
  .nullish()
  .transform((answer) => answer ?? { reply: {}, send: [] });

const lifecycleSchema = z.object({
  type: z.enum(['connected', 'disconnected', 'lost']),
  user: z.string(),
  epoch: z.coerce.number(),
  gateway: z.string(),
  reason: z.string(),
  at: z.coerce.number(),
});

/** An entry of the stream `events`. Throws when it is not one. */
export function lifecycleItemOf(id: string, fields: readonly string[]): LifecycleItem {
  return { ...lifecycleSchema.parse(Object.fromEntries(pairsOf(fields))), id };
}

/** Bounds of one asynchronous invocation: Lambda takes 1 MB, envelope included. */
export const UPSTREAM_BATCH_ITEMS = 100;
export const UPSTREAM_BATCH_BYTES = 900_000;
/** With the event around it 63: parsers in some languages accept 64 levels, and one item must not fail a whole batch. */
export const UPSTREAM_BODY_DEPTH = 60;
