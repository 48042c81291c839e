import { MESSAGES, type Reason } from './messages.ts';
import type { Text } from './text.ts';

interface Details {
  /** Says more than the reason's own sentence, such as which member is wrong. */
  text?: Text;
  retryAfterSeconds?: number;
  headers?: Readonly<Record<string, string>>;
  /** Members of the answer beside the usual ones. */
  members?: object;
}

/** The request is answered with this status, `code` 0 and a sentence. Thrown by rules, caught by `serve`. */
export class Refusal extends Error {
  override name = 'Refusal';
  readonly status: number;
  readonly reason: Reason;
  readonly text: Text;
  readonly headers: Readonly<Record<string, string>>;

  readonly members: object;

  constructor(status: number, reason: Reason, { text, retryAfterSeconds, headers, members = {} }: Details = {}) {
    super(reason);
    this.status = status;
    this.reason = reason;
    this.members = members;
    this.text = text ?? MESSAGES[reason];
    this.headers = {
      ...headers,
      ...(retryAfterSeconds === undefined ? {} : { 'retry-after': String(Math.max(1, Math.ceil(retryAfterSeconds))) }),
    };
  }
}
