import { parseBody, refOf, singleSchema } from './body.ts';
import type { Handler } from './handlers.ts';

/** 2: a message to one user. */
export const single: Handler = (session, frame, { router }) => {
  const chat = parseBody(frame, singleSchema);
  if (!chat) return session.refuse('malformed', frame.version, refOf(frame));
  router.single(
    session,
    { version: frame.version, content: JSON.stringify(chat.chat_content), ref: chat.ref },
    chat.chat_to,
  );
};
