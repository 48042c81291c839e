import { ServerCommand } from '../../contract/wire/command-ids.ts';
import { type Refusal, Refusals } from '../../contract/wire/refusals.ts';
import { Notice, type Outgoing } from './messages.ts';

/** A `ref` may be longer than the largest frame that its client can take. */
interface Client {
  readonly maxFrameBytes: number;
  has(feature: 'receipts'): boolean;
  send(item: Outgoing): void;
}

/** 110: what had this `ref` was accepted. Not sent when the client could not take it: without the `ref` it says nothing. */
export function sendAccepted(client: Client, version: number, ref: string | number | undefined, id: string): void {
  if (ref === undefined || !client.has('receipts')) return;
  const notice = new Notice(version, ServerCommand.accepted, JSON.stringify({ ref, id }));
  if (fits(notice, client.maxFrameBytes)) client.send(notice);
}

/** 111: a frame was refused. What would make it too large for the client is left out: the sentence, or else the `ref`. */
export function refusedNotice(maxFrameBytes: number, version: number, error: Refusal, ref: unknown): Notice {
  const noticeOf = (body: object) => new Notice(version, ServerCommand.refused, JSON.stringify(body));
  const message = Refusals[error];
  const whole = noticeOf({ error, message, ref });
  if (fits(whole, maxFrameBytes)) return whole;
  const short = noticeOf({ error, ref });
  return fits(short, maxFrameBytes) ? short : noticeOf({ error, message });
}

function fits(notice: Notice, maxFrameBytes: number): boolean {
  return notice.frame().length <= maxFrameBytes;
}
