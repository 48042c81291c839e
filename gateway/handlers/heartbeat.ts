import { ServerCommand } from '../../contract/command-ids.ts';
import { Notice } from '../io/outgoing.ts';
import type { Handler } from './handlers.ts';

/** 5: the client lives. Its body, should it have one, is not looked at. */
export const heartbeat: Handler = (session, frame) => {
  session.heartbeat();
  if (session.has('pong')) session.send(new Notice(frame.version, ServerCommand.heartbeatReply, ''));
};
