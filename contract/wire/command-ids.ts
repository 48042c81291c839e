/** Every command_id of the wire (docs/protocol.md). `as const` objects instead of enums: the program runs as it is. */
export const ClientCommand = {
  verify: 1,
  single: 2,
  group: 3,
  broadcast: 4,
  heartbeat: 5,
  acknowledge: 6,
  reply: 7,
} as const;

/** Ids of one frame 6, at most. */
export const MAX_ACKNOWLEDGED_IDS = 256;

export const ServerCommand = {
  verifyResult: 101,
  single: 102,
  group: 103,
  broadcast: 104,
  heartbeatReply: 105,
  accepted: 110,
  refused: 111,
  goodbye: 112,
} as const;

/** Application commands: a device's go upstream, a server's are pushed through the HTTP API or answer one (id + 1000). */
export const APPLICATION_UP = { first: 1000, last: 1999 } as const;
export const APPLICATION_DOWN = { first: 2000, last: 2999 } as const;
/** `command_id` of a reply, less that of its request. */
export const REPLY_OFFSET = 1_000;

export function isApplicationUp(commandId: number): boolean {
  return commandId >= APPLICATION_UP.first && commandId <= APPLICATION_UP.last;
}

export function isApplicationDown(commandId: number): boolean {
  return commandId >= APPLICATION_DOWN.first && commandId <= APPLICATION_DOWN.last;
}

/** The `version` of a message that comes from the queue or the HTTP API, instead of a frame's own. */
export const QUEUE_VERSION = 1100;

/** The features that a client may request in `features` of its verify body. They belong to the connection, not to the user. */
export const FEATURES = ['ack', 'receipts', 'errors', 'pong', 'goodbye'] as const;
export type Feature = (typeof FEATURES)[number];
