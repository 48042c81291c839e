import { ServerCommand } from '../../contract/wire/command-ids.ts';
import { Notice } from '../delivery/messages.ts';
import type { Handler } from './dispatch.ts';

/** 5: the client lives. Its body, should it have one, is not looked at. */
export const heartbeat: Handler = (session, frame) => {
  session.heartbeat();
  if (session.has('pong')) session.send(new Notice(frame.version, ServerCommand.heartbeatReply, ''));
};
