import { ClientCommand, isApplicationUp } from '../../contract/wire/command-ids.ts';
import type { Frame } from '../session/frame-reader.ts';
import type { Session } from '../session/session.ts';
import { type AcknowledgeParts, acknowledge } from './acknowledge.ts';
import { type ApplicationParts, application } from './application.ts';
import { refOf } from './body.ts';
import { type BroadcastParts, broadcast } from './broadcast.ts';
import { type GroupParts, group } from './group.ts';
import type { Handler } from './handler.ts';
import { heartbeat } from './heartbeat.ts';
import { type ReplyParts, reply } from './reply.ts';
import { type SingleParts, single } from './single.ts';
import { type VerifyParts, verify } from './verify.ts';

/** The parts that all handlers use together. */
export type CommandParts = VerifyParts &
  SingleParts &
  GroupParts &
  BroadcastParts &
  AcknowledgeParts &
  ReplyParts &
  ApplicationParts;

const handlers = new Map<number, Handler<CommandParts>>([
  [ClientCommand.verify, verify],
  [ClientCommand.single, single],
  [ClientCommand.group, group],
  [ClientCommand.broadcast, broadcast],
  [ClientCommand.heartbeat, heartbeat],
  [ClientCommand.acknowledge, acknowledge],
  [ClientCommand.reply, reply],
]);

/** Gives a frame to its handler. Before the verify every other frame is dropped without a word. */
export function dispatch(session: Session, frame: Frame, parts: CommandParts): void {
  if (session.state === 'unverified' && frame.commandId !== ClientCommand.verify) return;
  const handler = handlers.get(frame.commandId) ?? (isApplicationUp(frame.commandId) ? application : undefined);
  if (handler) handler(session, frame, parts);
  else session.rejectAsViolation('unknown_command', frame.version, refOf(frame));
}
