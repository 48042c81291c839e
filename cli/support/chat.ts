import type { Client } from '../../sdk/client/client.ts';
import { RefusedError } from '../../sdk/client/errors.ts';
import type { Message } from '../../sdk/client/message.ts';
import { CHAT_HELP, type ChatLine, parseChatLine, type Target } from './chat-line.ts';
import { nextStepOf } from './next-steps.ts';
import { printable, styled } from './output.ts';

/** Maximum of unanswered lines: a long pipe must neither wait for each answer nor fill the memory. */
const MAX_IN_FLIGHT = 100;

type Outgoing = Extract<ChatLine, { kind: 'say' } | { kind: 'command' }>;

export interface Screen {
  /** Received messages, as text or, with --json, as JSON. */
  message(value: unknown, text: string): void;
  note(text: string): void;
  error(text: string): void;
}

/** Handles the lines and messages of a chat, independent of input and output. */
export class Chat {
  readonly #client: Client;
  readonly #screen: Screen;
  readonly #inFlight = new Set<Promise<void>>();
  #target: Target | undefined;
  /** Lines that were not accepted. */
  failures = 0;

  constructor(client: Client, screen: Screen, target: Target | undefined) {
    this.#client = client;
    this.#screen = screen;
    this.#target = target;
  }

  get prompt(): string {
    const target = this.#target;
    if (target === undefined) return '> ';
    if (target === 'everyone') return 'everyone> ';
    return 'to' in target ? `${printable(target.to)}> ` : `${printable(target.group.join(','))}> `;
  }

  /** Returns false when the line is the command to leave. */
  async line(text: string): Promise<boolean> {
    const line = parseChatLine(text);
    if (line.kind === 'help') this.#screen.note(CHAT_HELP);
    if (line.kind === 'target') this.#target = line.target;
    if (line.kind === 'wrong') this.#fail(line.message);
    if (line.kind === 'say' || line.kind === 'command') await this.#begin(line);
    return line.kind !== 'quit';
  }

  /** Resolves when every line has its answer. */
  async finish(): Promise<void> {
    await Promise.all(this.#inFlight);
  }

  show(message: Message): void {
    const { kind, id, sentAt, commandId } = message;
    const at = (sentAt ?? new Date()).toLocaleTimeString('sv-SE');
    const delivery = { kind, command_id: commandId, id: id ?? null, sent_at: sentAt?.getTime() ?? null };
    if (message.kind === 'application') {
      const text = `${styled('dim', at)} ${styled('magenta', String(commandId))} ${printable(JSON.stringify(message.body))}`;
      this.#screen.message({ ...delivery, body: message.body }, text);
      return;
    }
    const from = styled('cyan', printable(message.from));
    const how = kind === 'single' ? '' : styled('dim', kind === 'group' ? ' to the group' : ' to everyone');
    const text = `${styled('dim', at)} ${from}${how}: ${printable(message.content)}`;
    this.#screen.message({ ...delivery, from: message.from, content: message.content }, text);
  }

  async #begin(line: Outgoing): Promise<void> {
    const sending = this.#send(line)
      .catch((error: Error) => this.#fail(`not sent: ${explained(error)}`))
      .finally(() => this.#inFlight.delete(sending));
    this.#inFlight.add(sending);
    if (this.#inFlight.size >= MAX_IN_FLIGHT) await Promise.race(this.#inFlight);
  }

  async #send(line: Outgoing): Promise<void> {
    if (line.kind === 'command') {
      // The deployment decides which commands get a reply; the others are only accepted.
      const reply = await this.#client.post(line.commandId, line.body);
      if (reply === undefined) {
        // Without receipts the server does not report whether it accepted the line.
        const kind = this.#client.session?.features.includes('receipts') ? 'accepted' : 'sent';
        this.#screen.message({ kind }, `${styled('green', kind)}, no reply follows`);
        return;
      }
      this.#screen.message(
        { kind: 'reply', body: reply },
        `${styled('green', 'reply')} ${printable(JSON.stringify(reply))}`,
      );
      return;
    }
    const target = this.#target;
    if (target === undefined) throw new Error('no recipient: enter /to <user id>, /group or /all first');
    if (target === 'everyone') await this.#client.broadcast(line.text);
    else if ('to' in target) await this.#client.send(target.to, line.text);
    else await this.#client.sendToGroup(target.group, line.text);
  }

  #fail(message: string): void {
    this.failures += 1;
    this.#screen.error(message);
  }
}

/** The message of an error; of a refusal by the server also its word and the way out (docs/errors.md). */
export function explained(error: Error): string {
  if (!(error instanceof RefusedError)) return error.message;
  return [`${error.message} [${error.code}]`, nextStepOf(error.code, 'tcp')]
    .filter((part) => part !== undefined)
    .join('\n  ');
}
