import type {
  LifecycleItem,
  UpstreamAnswer,
  UpstreamEvent,
  UpstreamGap,
  UpstreamItem,
} from '../../contract/upstream.ts';
import type { SendCommand } from '../../contract/wire/commands.ts';

export type {
  LifecycleItem,
  UpstreamAnswer,
  UpstreamEvent,
  UpstreamGap,
  UpstreamItem,
} from '../../contract/upstream.ts';
export type { SendCommand } from '../../contract/wire/commands.ts';

export type ItemHandler<Body = unknown> = (item: UpstreamItem<Body>) => void | Promise<void>;
export type RequestHandler<Body = unknown> = (
  item: UpstreamItem<Body>,
  request: { readonly remainingMs: number },
) => Reply | undefined | Promise<Reply | undefined>;
export type LifecycleHandler = (item: LifecycleItem) => void | Promise<void>;

export interface UpstreamHandlers {
  /** By command id: handlers for items of devices in event mode. At least once, in the order of each user. */
  items?: { readonly [commandId: number]: ItemHandler };
  /** By command id: handlers for requests of devices. Undefined is an empty reply; a thrown error becomes an error frame. */
  requests?: { readonly [commandId: number]: RequestHandler };
  /** Sessions that began and ended. At least once, in the order of each user. */
  lifecycle?: { readonly [type in LifecycleItem['type']]?: LifecycleHandler };
  /** Lifecycle events between two ids are missing. Without a handler the invocation fails, if there are some for `lifecycle`. */
  gap?: (gap: UpstreamGap) => void | Promise<void>;
}

/** The event does not come from a gateway: perhaps something else invokes the function too. */
export class NotUpstreamError extends Error {
  override name = 'NotUpstreamError';
}

/** There is no handler for this command id. Lambda retries a batch and then counts it as failed; no item is skipped. */
export class UnknownCommandError extends Error {
  override name = 'UnknownCommandError';
}

/** Lifecycle events are missing, and no handler takes note of it. The function's own alarms and destination show it. */
export class UnhandledGapError extends Error {
  override name = 'UnhandledGapError';
}

/** The answer to a request, with further commands to users. */
export class Reply {
  readonly body: { [member: string]: unknown };
  readonly #send: SendCommand[] = [];

  constructor(body: { [member: string]: unknown } = {}) {
    this.body = body;
  }

  /** Sent like POST /send-command, before the device gets its reply: stored for offline users. */
  send(...commands: SendCommand[]): this {
    this.#send.push(...commands);
    return this;
  }

  toJSON(): UpstreamAnswer {
    return this.#send.length > 0 ? { reply: this.body, send: this.#send } : { reply: this.body };
  }
}

/** `return reply({ ok: true }).send(push(2100, '13565208554', { alarm: 3 }))` */
export function reply(body?: { [member: string]: unknown }): Reply {
  return new Reply(body);
}

/** An application message (2000–2999). `to`: a user id or several. */
export function push(commandId: number, to: string | string[], content: Record<string, unknown>): SendCommand {
  return { command_id: commandId, chat_to: to, content };
}

/** A chat message: 102 to one user, 103 to several. */
export function chat(to: string | string[], content: string): SendCommand {
  return { command_id: Array.isArray(to) ? 103 : 102, chat_to: to, content };
}

/**
 * Gives a handler the type of its body: `parse` returns it, or throws for an invalid body. The function of a schema
 * fits, such as that of zod: `typed(schema.parse, (item) => item.body.celsius)`.
 */
export function typed<Body, Rest extends unknown[], Result>(
  parse: (body: unknown) => Body,
  handle: (item: UpstreamItem<Body>, ...rest: Rest) => Result,
): (item: UpstreamItem, ...rest: Rest) => Result {
  return (item, ...rest) => handle({ ...item, body: parse(item.body) }, ...rest);
}

const KINDS: readonly UpstreamEvent['kind'][] = ['items', 'request', 'lifecycle', 'gap'];

/** Throws NotUpstreamError. The content of the envelope is not validated again. */
export function parseUpstreamEvent(event: unknown): UpstreamEvent {
  const { fronttcp, kind } = (event ?? {}) as { fronttcp?: unknown; kind?: unknown };
  if (fronttcp === 1 && KINDS.some((known) => known === kind)) return event as UpstreamEvent;
  throw new NotUpstreamError('this event is not from a fronttcp gateway');
}

/**
 * The Lambda handler: `export const handler = createHandler({ items: { 1000: … }, requests: { 1500: … } })`.
 * The users of a batch are processed concurrently, the items of each in order. When an item fails, further items of that user wait
 * for the next try and the others go on; then the invocation fails, and Lambda tries the batch again.
 */
export function createHandler(handlers: UpstreamHandlers): (event: unknown) => Promise<UpstreamAnswer | undefined> {
  return async (input) => {
    const event = parseUpstreamEvent(input);
    if (event.kind === 'request') {
      const { item, deadline } = event;
      const handle = handlers.requests?.[item.command_id] ?? unknown(item.command_id);
      const remaining = {
        get remainingMs() {
          return Math.max(0, deadline - Date.now());
        },
      };
      return ((await handle(item, remaining)) ?? reply()).toJSON();
    }
    if (event.kind === 'items') {
      await perUser(event.items, (item) => (handlers.items?.[item.command_id] ?? unknown(item.command_id))(item));
    } else if (event.kind === 'gap') {
      if (handlers.gap) await handlers.gap(event);
      else if (handlers.lifecycle) throw new UnhandledGapError(`no handler for the gap after event ${event.after}`);
    } else {
      await perUser(event.items, (item) => handlers.lifecycle?.[item.type]?.(item));
    }
    return undefined;
  };
}

function unknown(commandId: number): () => never {
  return () => {
    throw new UnknownCommandError(`no handler for command ${commandId}`);
  };
}

async function perUser<Item extends { user: string }>(
  items: readonly Item[],
  handle: (item: Item) => unknown,
): Promise<void> {
  const byUser = new Map<string, Item[]>();
  for (const item of items) {
    const list = byUser.get(item.user);
    if (list) list.push(item);
    else byUser.set(item.user, [item]);
  }
  const results = await Promise.allSettled(
    [...byUser.values()].map(async (list) => {
      for (const item of list) await handle(item);
    }),
  );
  const failures = results.flatMap((result) => (result.status === 'rejected' ? [result.reason as unknown] : []));
  if (failures.length === 1) throw failures[0];
  if (failures.length > 1) {
    const first = failures[0] instanceof Error ? failures[0].message : String(failures[0]);
    throw new AggregateError(failures, `${failures.length} of ${byUser.size} users failed, the first: ${first}`);
  }
}
