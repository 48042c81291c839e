import { refOf } from './body.ts';
import { readSingle } from './chat.ts';
import type { Handler } from './dispatch.ts';

/** 2: a message to one user. */
export const single: Handler = (session, frame, { router }) => {
  const found = readSingle(frame);
  if (!found) return session.refuse('malformed', frame.version, refOf(frame));
  router.single(session, found.chat, found.to);
};
