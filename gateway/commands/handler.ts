import type { Frame } from '../session/frame-reader.ts';
import type { Session } from '../session/session.ts';

/** Handles one kind of frame, with the parts of the gateway that it uses. */
export type Handler<Parts> = (session: Session, frame: Frame, parts: Parts) => void;
