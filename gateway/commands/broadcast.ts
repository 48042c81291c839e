import type { Chat } from '../routing/router.ts';
import type { Session } from '../session/session.ts';
import { refOf } from './body.ts';
import { readBroadcast } from './chat.ts';
import type { Handler } from './handler.ts';

export interface BroadcastParts {
  readonly router: { broadcast(sender: Session, chat: Chat): void };
}

/** 4: a message to everyone connected, the sender too. */
export const broadcast: Handler<BroadcastParts> = (session, frame, { router }) => {
  const chat = readBroadcast(frame);
  if (!chat) return session.rejectAsViolation('malformed', frame.version, refOf(frame));
  router.broadcast(session, chat);
};
