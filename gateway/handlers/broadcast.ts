import { broadcastSchema, parseBody, refOf } from './body.ts';
import type { Handler } from './handlers.ts';

/** 4: a message to everyone connected, the sender too. */
export const broadcast: Handler = (session, frame, { router }) => {
  const chat = parseBody(frame, broadcastSchema);
  if (!chat) return session.refuse('malformed', frame.version, refOf(frame));
  router.broadcast(session, { version: frame.version, content: JSON.stringify(chat.chat_content), ref: chat.ref });
};
