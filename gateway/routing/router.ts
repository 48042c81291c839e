import type { DirectBroadcast } from '../../contract/store/direct-broadcasts.ts';
import type { RouteCommand } from '../../contract/store/scripts/route.ts';
import { ServerCommand } from '../../contract/wire/command-ids.ts';
import { chatBytes, chatText, encodeChat, type JsonBytes, largestFrameOf } from '../../contract/wire/message.ts';
import { Message } from '../session/messages.ts';
import type { Registry } from '../session/registry.ts';
import type { Session } from '../session/session.ts';
import type { RouteQueue } from './route-queue.ts';

/** A chat message as its sender wrote it: the content is the JSON text of a string. Valid only during the call. */
export interface Chat extends JsonBytes {
  readonly version: number;
  readonly ref: string | number | undefined;
}

export interface RouterParts {
  readonly config: { readonly maxFrameBytes: number };
  readonly registry: Pick<Registry, 'get' | 'ackSessions'>;
  readonly lease: { readonly isHeld: boolean };
  readonly queue: Pick<RouteQueue, 'add' | 'latestId' | 'directInterval'>;
  readonly inbox: { readonly latestId: number; hasPassed(entry: string): boolean };
  readonly broadcasts: { add(message: Message): DirectBroadcast };
}

/**
 * Where a client's message goes: straight to a live session of this gateway, else through the route script.
 *
 * The direct way is open only where it cannot overtake and nothing needs an id: the receiver does not acknowledge, the
 * sender awaits no receipt, and nothing that the sender sent to that receiver before is still on its way through Redis. A
 * receiver that reads too slowly is served from its mailbox.
 *
 * A message whose frame would exceed MAX_FRAME_BYTES in one of its forms is refused, whatever its recipients.
 */
export class Router {
  readonly #maxFrameBytes: number;
  readonly #registry: RouterParts['registry'];
  readonly #lease: RouterParts['lease'];
  readonly #queue: RouterParts['queue'];
  readonly #inbox: RouterParts['inbox'];
  readonly #broadcasts: RouterParts['broadcasts'];
  #leaseCheckedAtMs = -1;
  #wasLeaseHeld = false;

  constructor(parts: RouterParts) {
    this.#maxFrameBytes = parts.config.maxFrameBytes;
    this.#registry = parts.registry;
    this.#lease = parts.lease;
    this.#queue = parts.queue;
    this.#inbox = parts.inbox;
    this.#broadcasts = parts.broadcasts;
  }

  single(sender: Session, chat: Chat, to: string): void {
    const isOpen = this.#mayGoDirect(sender, chat) && sender.order.isClearTo(to, this.#inbox);
    const receiver = isOpen ? this.#registry.get(to) : undefined;
    if (this.#isTooLarge(sender, chat)) return;
    if (receiver?.takesDirect()) receiver.sendDirect(this.#direct(sender, chat, ServerCommand.single));
    else this.#route(sender, chat, ServerCommand.single, [to]);
  }

  /** Somebody who is named twice gets it once. */
  group(sender: Session, chat: Chat, to: readonly string[]): void {
    if (this.#isTooLarge(sender, chat)) return;
    if (!this.#isOpenToAll(sender, chat)) return this.#route(sender, chat, ServerCommand.group, [...new Set(to)]);
    const message = this.#direct(sender, chat, ServerCommand.group);
    const elsewhere: string[] = [];
    const givenUp: Session[] = [];
    for (const userId of to) {
      const receiver = this.#registry.get(userId);
      if (receiver && (receiver.outbox.hasLast(message) || givenUp.includes(receiver))) continue;
      if (!receiver?.takesDirect()) elsewhere.push(userId);
      else if (!receiver.sendDirect(message)) givenUp.push(receiver);
    }
    if (elsewhere.length > 0) this.#route(sender, chat, ServerCommand.group, [...new Set(elsewhere)]);
  }

  broadcast(sender: Session, chat: Chat): void {
    if (this.#isTooLarge(sender, chat)) return;
    if (!this.#isOpenToAll(sender, chat) || this.#registry.ackSessions > 0) {
      return this.#route(sender, chat, ServerCommand.broadcast, 'everyone');
    }
    const frame = encodeChat(chat.version, ServerCommand.broadcast, sender.chatHead, chat);
    const direct = this.#broadcasts.add(Message.broadcast(frame, this.#orderId(sender)));
    this.#route(sender, chat, ServerCommand.broadcast, { direct });
  }

  /** Returns whether it was refused. */
  #isTooLarge(sender: Session, chat: Chat): boolean {
    if (largestFrameOf(chatBytes(sender.chatHead, chat)) <= this.#maxFrameBytes) return false;
    sender.reject('too_large', chat.version, chat.ref);
    return true;
  }

  #direct(sender: Session, chat: Chat, commandId: number): Message {
    const frame = encodeChat(chat.version, commandId, sender.chatHead, chat);
    return Message.direct(frame, this.#orderId(sender), this.#queue.directInterval);
  }

  /** Messages that this sender has had routed so far have ids up to this one; later ones have higher ids. */
  #orderId(sender: Session): number {
    return Math.max(this.#queue.latestId, this.#inbox.latestId, sender.identity.joinedAtMessageId);
  }

  #route(sender: Session, chat: Chat, commandId: number, to: RouteCommand['to']): void {
    this.#queue.add(sender, { commandId, body: chatText(sender.chatHead, chat), to }, chat);
  }

  #mayGoDirect(sender: Session, chat: Chat): boolean {
    if (!this.#isLeaseHeld(sender.reader.heardAtMs)) return false;
    return chat.ref === undefined || !sender.has('receipts');
  }

  #isOpenToAll(sender: Session, chat: Chat): boolean {
    return this.#mayGoDirect(sender, chat) && sender.order.isClear(this.#inbox);
  }

  /** The clocks are read once for all chats of a chunk that was read from a connection: it came at `heardAtMs`. */
  #isLeaseHeld(heardAtMs: number): boolean {
    if (heardAtMs !== this.#leaseCheckedAtMs) {
      this.#leaseCheckedAtMs = heardAtMs;
      this.#wasLeaseHeld = this.#lease.isHeld;
    }
    return this.#wasLeaseHeld;
  }
}
