import { ServerCommand } from '../../contract/command-ids.ts';
import { chatBody } from '../../contract/message.ts';
import { directHead, Message } from '../io/outgoing.ts';
import type { Lease } from '../lifecycle/lease.ts';
import type { Registry } from '../session/registry.ts';
import type { Session } from '../session/session.ts';
import type { InboxReader } from './inbox-reader.ts';
import type { RouteQueue } from './route-queue.ts';

/** A chat message as its sender wrote it. `content` is JSON text. */
export interface Chat {
  version: number;
  content: string;
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

  constructor(parts: { registry: Registry; lease: Lease; queue: RouteQueue; inbox: InboxReader }) {
    this.#registry = parts.registry;
    this.#lease = parts.lease;
    this.#queue = parts.queue;
    this.#inbox = parts.inbox;
  }

  single(sender: Session, chat: Chat, to: string): void {
    const receiver = this.#mayGoDirect(sender, chat) ? this.#directReceiver(to) : undefined;
    const body = chatBody(JSON.stringify(sender.userId), chat.content);
    if (receiver) receiver.deliver(new Message(directHead(ServerCommand.single, chat.version), body, 'direct'));
    else this.#queue.add(sender, { commandId: ServerCommand.single, body, to: [to] }, chat);
  }

  group(sender: Session, chat: Chat, to: readonly string[]): void {
    const body = chatBody(JSON.stringify(sender.userId), chat.content);
    const commandId = ServerCommand.group;
    if (!this.#mayGoDirect(sender, chat)) return this.#queue.add(sender, { commandId, body, to }, chat);
    const message = new Message(directHead(commandId, chat.version), body, 'direct');
    const elsewhere: string[] = [];
    for (const userId of to) {
      const receiver = this.#directReceiver(userId);
      if (receiver) receiver.deliver(message);
      else elsewhere.push(userId);
    }
    if (elsewhere.length > 0) this.#queue.add(sender, { commandId, body, to: elsewhere }, chat);
  }

  broadcast(sender: Session, chat: Chat): void {
    const body = chatBody(JSON.stringify(sender.userId), chat.content);
    const commandId = ServerCommand.broadcast;
    if (!this.#mayGoDirect(sender, chat) || this.#registry.ackSessions > 0) {
      return this.#queue.add(sender, { commandId, body, to: 'everyone' }, chat);
    }
    const message = new Message(directHead(commandId, chat.version), body, 'broadcast');
    for (const session of this.#registry.all()) session.deliver(message);
    this.#queue.add(sender, { commandId, body, to: 'everyone elsewhere' }, chat);
  }

  #mayGoDirect(sender: Session, chat: Chat): boolean {
    if (!this.#lease.isHeld || sender.routesInFlight > 0) return false;
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
