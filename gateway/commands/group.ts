import { isUserId } from '../../contract/wire/commands.ts';
import type { Chat } from '../routing/router.ts';
import type { Session } from '../session/session.ts';
import { refOf } from './body.ts';
import { readGroup } from './chat.ts';
import type { Handler } from './handler.ts';

export interface GroupParts {
  readonly router: { group(sender: Session, chat: Chat, to: readonly string[]): void };
  readonly settings: { readonly maxRecipients: number };
}

/** 3: a message to several users. */
export const group: Handler<GroupParts> = (session, frame, { router, settings }) => {
  const found = readGroup(frame);
  if (!found) return session.rejectAsViolation('malformed', frame.version, refOf(frame));
  const { chat, to } = found;
  if (to.length > settings.maxRecipients)
    return session.rejectAsViolation('too_many_recipients', frame.version, chat.ref);
  if (!to.every(isUserId)) return session.rejectAsViolation('malformed', frame.version, chat.ref);
  router.group(session, chat, to);
};
