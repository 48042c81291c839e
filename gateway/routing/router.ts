import type { RouteCommand } from '../../contract/store/scripts/route.ts';
import { fromWireText, type WireText } from '../../contract/wire/chat-text.ts';
import { ServerCommand } from '../../contract/wire/command-ids.ts';
import { chatBody, largestFrameOf } from '../../contract/wire/message.ts';
import { Message } from '../session/messages.ts';
import type { Registry } from '../session/registry.ts';
import type { Session } from '../session/session.ts';
import type { RouteQueue } from './route-queue.ts';

/** A chat message as its sender wrote it. `content` is the JSON text of a string. */
export interface Chat {
  version: number;
  content: WireText;
  ref: string | number | undefined;
}

export interface RouterParts {
  readonly config: { readonly maxFrameBytes: number };
  readonly registry: Pick<Registry, 'get' | 'ackSessions'>;
  readonly lease: { readonly isHeld: boolean };
  readonly queue: Pick<RouteQueue, 'add' | 'latestId' | 'directInterval'>;
  readonly inbox: { readonly latestId: number; hasPassed(entry: string): boolean };
  readonly broadcasts: { add(message: Message): void };
}

/**
 * Where a client's message goes: straight to a live session of this gateway, else through the route script.
 *
 * The direct way is open only where it cannot overtake and nothing needs an id: the receiver does not acknowledge, the
 * sender awaits no receipt, and nothing that the sender sent before is still on its way through Redis. A receiver that
 * reads too slowly is served from its mailbox.
 *
 * A message whose frame would exceed MAX_FRAME_BYTES in one of its forms is refused, whoever the recipients are.
 */
export class Router {
  readonly #maxFrameBytes: number;
  readonly #registry: RouterParts['registry'];
  readonly #lease: RouterParts['lease'];
  readonly #queue: RouterParts['queue'];
  readonly #inbox: RouterParts['inbox'];
  readonly #broadcasts: RouterParts['broadcasts'];

  constructor(parts: RouterParts) {
    this.#maxFrameBytes = parts.config.maxFrameBytes;
    this.#registry = parts.registry;
    this.#lease = parts.lease;
    this.#queue = parts.queue;
    this.#inbox = parts.inbox;
    this.#broadcasts = parts.broadcasts;
  }

  single(sender: Session, chat: Chat, to: string): void {
    const receiver = this.#mayGoDirect(sender, chat) ? this.#directReceiver(to) : undefined;
    const body = this.#bodyOf(sender, chat);
    if (body === undefined) return;
    if (receiver) receiver.deliver(this.#direct(sender, chat, ServerCommand.single, body));
    else this.#route(sender, chat, ServerCommand.single, body, [to]);
  }

  group(sender: Session, chat: Chat, to: readonly string[]): void {
    const body = this.#bodyOf(sender, chat);
    if (body === undefined) return;
    if (!this.#mayGoDirect(sender, chat)) return this.#route(sender, chat, ServerCommand.group, body, to);
    const message = this.#direct(sender, chat, ServerCommand.group, body);
    const elsewhere: string[] = [];
    for (const userId of to) {
      const receiver = this.#directReceiver(userId);
      if (receiver) receiver.deliver(message);
      else elsewhere.push(userId);
    }
    if (elsewhere.length > 0) this.#route(sender, chat, ServerCommand.group, body, elsewhere);
  }

  broadcast(sender: Session, chat: Chat): void {
    const body = this.#bodyOf(sender, chat);
    if (body === undefined) return;
    if (!this.#mayGoDirect(sender, chat) || this.#registry.ackSessions > 0) {
      return this.#route(sender, chat, ServerCommand.broadcast, body, 'everyone');
    }
    const message = Message.broadcast(chat.version, ServerCommand.broadcast, body, this.#orderId(sender));
    this.#broadcasts.add(message);
    this.#route(sender, chat, ServerCommand.broadcast, body, 'everyone elsewhere');
  }

  /** The body for the recipients, or undefined where it was refused. The characters of a WireText are its bytes. */
  #bodyOf(sender: Session, chat: Chat): WireText | undefined {
    const body = chatBody(sender.chatFrom, chat.content);
    if (largestFrameOf(body.length) <= this.#maxFrameBytes) return body;
    sender.reject('too_large', chat.version, chat.ref);
    return undefined;
  }

  #direct(sender: Session, chat: Chat, commandId: number, body: WireText): Message {
    return Message.direct(chat.version, commandId, body, this.#orderId(sender), this.#queue.directInterval);
  }

  /** What this sender has had routed so far has an id up to this one, and what it has routed from now on a higher one. */
  #orderId(sender: Session): number {
    return Math.max(this.#queue.latestId, this.#inbox.latestId, sender.identity.joinedAtMessageId);
  }

  #route(sender: Session, chat: Chat, commandId: number, body: WireText, to: RouteCommand['to']): void {
    this.#queue.add(sender, { commandId, body: fromWireText(body), to }, chat);
  }

  #mayGoDirect(sender: Session, chat: Chat): boolean {
    if (!this.#lease.isHeld) return false;
    if (chat.ref !== undefined && sender.has('receipts')) return false;
    return sender.order.isClear(this.#inbox);
  }

  #directReceiver(userId: string): Session | undefined {
    const session = this.#registry.get(userId);
    return session?.state === 'live' && session.form !== 'ack' && !session.isBehind ? session : undefined;
  }
}
