import type { RouteCommand } from '../../contract/store/scripts/route.ts';
import { fromWireText, type WireText } from '../../contract/wire/chat-text.ts';
import { ServerCommand } from '../../contract/wire/command-ids.ts';
import { chatBody } from '../../contract/wire/message.ts';
import type { FanOut } from '../delivery/broadcast.ts';
import type { InboxReader } from '../delivery/inbox-reader.ts';
import { Message } from '../delivery/messages.ts';
import type { Lease } from '../fleet/lease.ts';
import type { Registry } from '../session/registry.ts';
import type { Session } from '../session/session.ts';
import type { RouteQueue } from './route-queue.ts';

/** A chat message as its sender wrote it. `content` is the JSON text of a string. */
export interface Chat {
  version: number;
  content: WireText;
  ref: string | number | undefined;
}

/**
 * Where a client's message goes: straight to a live session of this gateway, else through the route script.
 *
 * The direct way is open only where it cannot overtake and nothing needs an id: the receiver does not acknowledge, the
 * sender awaits no receipt, and nothing that the sender sent before is still on its way through Redis.
 */
export class Router {
  readonly #registry: Registry;
  readonly #lease: Lease;
  readonly #queue: RouteQueue;
  readonly #inbox: InboxReader;
  readonly #fanOut: FanOut;

  constructor(parts: { registry: Registry; lease: Lease; queue: RouteQueue; inbox: InboxReader; fanOut: FanOut }) {
    this.#registry = parts.registry;
    this.#lease = parts.lease;
    this.#queue = parts.queue;
    this.#inbox = parts.inbox;
    this.#fanOut = parts.fanOut;
  }

  single(sender: Session, chat: Chat, to: string): void {
    const receiver = this.#mayGoDirect(sender, chat) ? this.#directReceiver(to) : undefined;
    const body = chatBody(sender.chatFrom, chat.content);
    if (receiver) receiver.deliver(Message.direct(chat.version, ServerCommand.single, body, 'direct'));
    else this.#route(sender, chat, ServerCommand.single, body, [to]);
  }

  group(sender: Session, chat: Chat, to: readonly string[]): void {
    const body = chatBody(sender.chatFrom, chat.content);
    if (!this.#mayGoDirect(sender, chat)) return this.#route(sender, chat, ServerCommand.group, body, to);
    const message = Message.direct(chat.version, ServerCommand.group, body, 'direct');
    const elsewhere: string[] = [];
    for (const userId of to) {
      const receiver = this.#directReceiver(userId);
      if (receiver) receiver.deliver(message);
      else elsewhere.push(userId);
    }
    if (elsewhere.length > 0) this.#route(sender, chat, ServerCommand.group, body, elsewhere);
  }

  broadcast(sender: Session, chat: Chat): void {
    const body = chatBody(sender.chatFrom, chat.content);
    if (!this.#mayGoDirect(sender, chat) || this.#registry.ackSessions > 0) {
      return this.#route(sender, chat, ServerCommand.broadcast, body, 'everyone');
    }
    // What this sender has had routed so far has an id up to this one, and what it has routed from now on a higher one.
    const orderId = Math.max(this.#queue.latestId, this.#inbox.latestId, sender.bornAtId);
    const message = Message.direct(chat.version, ServerCommand.broadcast, body, 'broadcast', orderId);
    this.#fanOut.add(message);
    this.#route(sender, chat, ServerCommand.broadcast, body, 'everyone elsewhere');
  }

  #route(sender: Session, chat: Chat, commandId: number, body: WireText, to: RouteCommand['to']): void {
    this.#queue.add(sender, { commandId, body: fromWireText(body), to }, chat);
  }

  #mayGoDirect(sender: Session, chat: Chat): boolean {
    if (!this.#lease.isHeld || sender.routesReturning > 0) return false;
    if (chat.ref !== undefined && sender.has('receipts')) return false;
    if (sender.awaitedEntry === undefined) return true;
    if (!this.#inbox.hasPassed(sender.awaitedEntry)) return false;
    sender.awaitedEntry = undefined;
    return true;
  }

  #directReceiver(userId: string): Session | undefined {
    const session = this.#registry.get(userId);
    return session?.state === 'live' && session.form !== 'ack' ? session : undefined;
  }
}
