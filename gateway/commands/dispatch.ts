import type { WireText } from '../../contract/wire/chat-text.ts';
import { ClientCommand, isApplicationUp } from '../../contract/wire/command-ids.ts';
import type { GatewayContext } from '../context.ts';
import type { Session } from '../session/session.ts';
import { acknowledge } from './acknowledge.ts';
import { application } from './application.ts';
import { refOf } from './body.ts';
import { broadcast } from './broadcast.ts';
import { group } from './group.ts';
import { heartbeat } from './heartbeat.ts';
import { single } from './single.ts';
import { verify } from './verify.ts';

/** A frame as a handler sees it. `body` is valid only during the call. */
export interface Frame {
  readonly version: number;
  readonly commandId: number;
  readonly bodyBytes: number;
  readonly body: Buffer;
  /** The body as text whose characters are its bytes. */
  readonly wireText: WireText;
}

export type Handler = (session: Session, frame: Frame, context: GatewayContext) => void;

const handlers = new Map<number, Handler>([
  [ClientCommand.verify, verify],
  [ClientCommand.single, single],
  [ClientCommand.group, group],
  [ClientCommand.broadcast, broadcast],
  [ClientCommand.heartbeat, heartbeat],
  [ClientCommand.acknowledge, acknowledge],
]);

/** May this frame come now, and whose is it? Before the verify everything else is dropped without a word. */
export function handle(session: Session, frame: Frame, context: GatewayContext): void {
  if (session.state === 'unverified' && frame.commandId !== ClientCommand.verify) return;
  const handler = handlers.get(frame.commandId) ?? (isApplicationUp(frame.commandId) ? application : undefined);
  if (handler) handler(session, frame, context);
  else session.refuse('unknown_command', frame.version, refOf(frame));
}
