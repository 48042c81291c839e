import { ServerCommand } from '../../contract/wire/command-ids.ts';
import { Notice } from '../session/messages.ts';
import type { Handler } from './handler.ts';

/** 5: the client is alive. A body is ignored. */
export const heartbeat: Handler<object> = (session, frame) => {
  session.heartbeat();
  if (session.has('pong')) session.send(new Notice(frame.version, ServerCommand.heartbeatReply, ''));
};
