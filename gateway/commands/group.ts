import { userIdSchema } from '../../contract/wire/commands.ts';
import type { Chat } from '../routing/router.ts';
import type { Session } from '../session/session.ts';
import { groupSchema, parseBody, refOf } from './body.ts';
import { chatOf } from './chat.ts';
import type { Handler } from './dispatch.ts';

export interface GroupParts {
  readonly router: { group(sender: Session, chat: Chat, to: readonly string[]): void };
  readonly settings: { readonly maxRecipients: number };
}

/** 3: a message to several users. */
export const group: Handler<GroupParts> = (session, frame, { router, settings }) => {
  const chat = parseBody(frame, groupSchema);
  if (!chat) return session.rejectAsViolation('malformed', frame.version, refOf(frame));
  if (chat.chat_to.length > settings.maxRecipients)
    return session.rejectAsViolation('too_many_recipients', frame.version, chat.ref);
  if (!chat.chat_to.every((id) => userIdSchema.safeParse(id).success)) {
    return session.rejectAsViolation('malformed', frame.version, chat.ref);
  }
  router.group(session, chatOf(frame, chat), [...new Set(chat.chat_to)]);
};
