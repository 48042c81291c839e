import { FEATURES, type Feature, ServerCommand } from '../../contract/wire/command-ids.ts';
import type { Goodbye, SessionInfo } from './events.ts';
import type { ApplicationMessage, ChatMessage, Json } from './message.ts';

/** Parsers of the bodies of the server's commands. Each returns undefined for an invalid body. */
type JsonObject = { [name: string]: Json };

export function parseJson(body: Buffer): Json | undefined {
  try {
    return JSON.parse(body.toString()) as Json;
  } catch {
    return undefined;
  }
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function parseVerdict(value: Json | undefined): (SessionInfo & { isVerified: boolean }) | undefined {
  if (!isObject(value) || typeof value.code !== 'number') return undefined;
  const names = Array.isArray(value.features) ? value.features : [];
  return {
    isVerified: value.code === 1,
    features: FEATURES.filter((feature: Feature) => names.includes(feature)),
    id: typeof value.session === 'string' || typeof value.session === 'number' ? String(value.session) : undefined,
    lost: typeof value.lost === 'number' ? value.lost : 0,
    heartbeatTimeoutMs: typeof value.heartbeat_timeout_ms === 'number' ? value.heartbeat_timeout_ms : undefined,
  };
}

const CHAT_KINDS = new Map<number, ChatMessage['kind']>([
  [ServerCommand.single, 'single'],
  [ServerCommand.group, 'group'],
  [ServerCommand.broadcast, 'broadcast'],
]);

export function parseChat(commandId: number, version: number, value: Json | undefined): ChatMessage | undefined {
  const kind = CHAT_KINDS.get(commandId);
  if (!kind || !isObject(value) || typeof value.chat_from !== 'string' || typeof value.chat_content !== 'string') {
    return undefined;
  }
  return { kind, commandId, version, from: value.chat_from, content: value.chat_content, ...deliveryOf(value) };
}

/**
 * Members of the server are beside those of the sender, and are removed from the body: `id` and `sent_at` with
 * `withDelivery` (feature `ack`), `ask` for any client with features.
 */
export function parseApplication(
  commandId: number,
  version: number,
  value: Json | undefined,
  withDelivery: boolean,
): ApplicationMessage | undefined {
  if (value === undefined) return undefined;
  const application = { kind: 'application', commandId, version } as const;
  if (!isObject(value)) return { ...application, body: value, id: undefined, sentAt: undefined, ask: undefined };
  const { ask: _ask, ...rest } = value;
  if (!withDelivery) return { ...application, body: rest, ...deliveryOf(value), id: undefined, sentAt: undefined };
  const { id: _id, sent_at: _sentAt, ...body } = rest;
  return { ...application, body, ...deliveryOf(value) };
}

function deliveryOf(value: JsonObject): Pick<ChatMessage, 'id' | 'sentAt' | 'ask'> {
  return {
    ask: typeof value.ask === 'string' ? value.ask : undefined,
    id: typeof value.id === 'string' ? value.id : undefined,
    sentAt: typeof value.sent_at === 'number' ? new Date(value.sent_at) : undefined,
  };
}

export function parseAccepted(value: Json | undefined): { ref: string; id: string } | undefined {
  if (!isObject(value) || value.ref === undefined || typeof value.id !== 'string') return undefined;
  return { ref: String(value.ref), id: value.id };
}

export function parseRefused(
  value: Json | undefined,
): { error: string; message: string; ref: string | undefined } | undefined {
  if (!isObject(value) || (typeof value.error !== 'string' && typeof value.error !== 'number')) return undefined;
  return {
    error: String(value.error),
    message: typeof value.message === 'string' ? value.message : String(value.error),
    ref: value.ref === undefined || value.ref === null ? undefined : String(value.ref),
  };
}

/** Without a time to reconnect: do not reconnect by yourself. */
export function parseGoodbye(value: Json | undefined): Goodbye | undefined {
  if (!isObject(value) || typeof value.reason !== 'string') return undefined;
  const afterMs = value.reconnect_after_ms;
  return {
    reason: value.reason,
    reconnectAfterMs: typeof afterMs === 'number' && afterMs >= 0 ? afterMs : undefined,
  };
}
