import { userIdSchema } from '../../contract/wire/commands.ts';
import { groupSchema, parseBody, refOf } from './body.ts';
import { chatOf } from './chat.ts';
import type { Handler } from './dispatch.ts';

/** 3: a message to several users. */
export const group: Handler = (session, frame, { router, config }) => {
  const chat = parseBody(frame, groupSchema);
  if (!chat) return session.refuse('malformed', frame.version, refOf(frame));
  if (chat.chat_to.length > config.maxRecipients) return session.refuse('too_many_recipients', frame.version, chat.ref);
  if (!chat.chat_to.every((id) => userIdSchema.safeParse(id).success)) {
    return session.refuse('malformed', frame.version, chat.ref);
  }
  router.group(session, chatOf(frame, chat), [...new Set(chat.chat_to)]);
};
