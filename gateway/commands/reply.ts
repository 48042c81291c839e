import { isUtf8 } from 'node:buffer';
import type { Reply } from '../../contract/store/scripts/settle.ts';
import { BYTES_PER_UNIT } from '../../contract/store/work.ts';
import { isWithinDepth, MAX_CONTENT_DEPTH } from '../../contract/wire/commands.ts';
import { parseJson } from '../../shared/raw-json.ts';
import type { Frame } from '../session/frame-reader.ts';
import { refOf, replySchema } from './body.ts';
import type { Handler } from './handler.ts';

export interface ReplyParts {
  /** Does not reject. */
  readonly progress: { replied(reply: Reply): Promise<void> };
  readonly counters: { reply(ask: string, nowMs: number): void };
  /** Undefined: traces are off. */
  readonly traces: { replied(userId: string, ask: string): void } | undefined;
}

/** 7: the reply to a message that carried `ask`. A plain client is never asked: the command is unknown to it. */
export const reply: Handler<ReplyParts> = (session, frame, { progress, counters, traces }) => {
  if (session.identity.form === 'plain') {
    return session.rejectAsViolation('unknown_command', frame.version, refOf(frame));
  }
  const body = bodyOf(frame);
  if (body === undefined) return session.rejectAsViolation('malformed', frame.version, refOf(frame));
  const { userId, acknowledgements, reader } = session;
  counters.reply(body.ask, Date.now());
  traces?.replied(userId, body.ask);
  acknowledgements.begin();
  // What it costs Redis beside the reply itself.
  reader.payForWork(Math.ceil(frame.bodyBytes / BYTES_PER_UNIT));
  void progress.replied({ ...body, userId }).then(() => acknowledgements.end());
};

/**
 * The reply as JSON text, with numbers as they were written. One that is nested deeper than content may be is refused: to
 * write it as JSON takes stack for each level, and could end the process.
 */
function bodyOf(frame: Frame): Omit<Reply, 'userId'> | undefined {
  if (!isUtf8(frame.body)) return undefined;
  const body = replySchema.safeParse(parsed(frame.body.toString('utf8')));
  if (!body.success || !isWithinDepth(body.data.reply, MAX_CONTENT_DEPTH)) return undefined;
  return { ask: body.data.ask, reply: JSON.stringify(body.data.reply) };
}

function parsed(text: string): unknown {
  try {
    return parseJson(text);
  } catch {
    return undefined;
  }
}
