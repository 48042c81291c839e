import type { Chat } from '../routing/router.ts';
import type { Session } from '../session/session.ts';
import { refOf } from './body.ts';
import { readSingle } from './chat.ts';
import type { Handler } from './handler.ts';

export interface SingleParts {
  readonly router: { single(sender: Session, chat: Chat, to: string): void };
}

/** 2: a message to one user. */
export const single: Handler<SingleParts> = (session, frame, { router }) => {
  const found = readSingle(frame);
  if (!found) return session.rejectAsViolation('malformed', frame.version, refOf(frame));
  router.single(session, found.chat, found.to);
};
