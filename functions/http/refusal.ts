import { MESSAGES, type Reason } from './messages.ts';
import type { Text } from './text.ts';

interface Details {
  /** More detail than the reason's own sentence, such as the wrong member. */
  text?: Text;
  retryAfterSeconds?: number;
  headers?: Readonly<Record<string, string>>;
  /** Members of the response in addition to the usual ones. */
  members?: object;
}

/** The response has this status, `code` 0 and a sentence. Thrown by rules, caught by `serve`. */
export class HttpRefusal extends Error {
  override name = 'HttpRefusal';
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

/** 413: names both sizes, so that a caller knows how much to remove. */
export function tooLarge(what: keyof typeof TOO_LARGE, bytes: number, maxBytes: number): HttpRefusal {
  const { en, zh } = TOO_LARGE[what];
  return new HttpRefusal(413, 'too_large', {
    text: {
      en: `${en} has ${bytes} bytes; the limit is ${maxBytes}`,
      zh: `${zh}为 ${bytes} 字节，至多 ${maxBytes} 字节`,
    },
  });
}

const TOO_LARGE = {
  body: { en: 'the body', zh: '请求体' },
  frame: { en: 'the frame of this message', zh: '该消息的帧' },
} as const;
