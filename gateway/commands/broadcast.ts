import { refOf } from './body.ts';
import { readBroadcast } from './chat.ts';
import type { Handler } from './dispatch.ts';

/** 4: a message to everyone connected, the sender too. */
export const broadcast: Handler = (session, frame, { router }) => {
  const chat = readBroadcast(frame);
  if (!chat) return session.refuse('malformed', frame.version, refOf(frame));
  router.broadcast(session, chat);
};
