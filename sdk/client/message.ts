export type Json = string | number | boolean | null | Json[] | { [name: string]: Json };

interface Delivery {
  /** Unique and sortable by time; undefined without the feature `ack`. */
  readonly id: string | undefined;
  /** When the server accepted it; undefined without the feature `ack`. */
  readonly sentAt: Date | undefined;
  /** The frame's `version`: that of the sender's frame, 1100 for messages from the queue or the HTTP API. */
  readonly version: number;
  /** A caller waits for a reply to this message: the id for `client.reply`. Undefined: no reply is expected. */
  readonly ask: string | undefined;
}

export interface ChatMessage extends Delivery {
  readonly kind: 'single' | 'group' | 'broadcast';
  readonly commandId: number;
  readonly from: string;
  readonly content: string;
}

export interface ApplicationMessage extends Delivery {
  readonly kind: 'application';
  /** 2000–2999. */
  readonly commandId: number;
  readonly body: Json;
}

export type Message = ChatMessage | ApplicationMessage;
