export type Json = string | number | boolean | null | Json[] | { [name: string]: Json };

interface Delivery {
  /** Unique and sortable by time; undefined without the feature `ack`. */
  readonly id: string | undefined;
  /** When the server accepted it; undefined without the feature `ack`. */
  readonly sentAt: Date | undefined;
  /** The frame's `version`: that of the sender's frame, 1100 for what came from the queue or the HTTP API. */
  readonly version: number;
  /** Somebody waits for a reply to this message: what `client.reply` names. Undefined: nobody does. */
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
