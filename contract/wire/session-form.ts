/**
 * How messages are written to a session, as Redis knows it: `plain` the bare seed protocol, `extended` a client with
 * features but without `ack`, `ack` one whose messages stay in the mailbox until it acknowledges them.
 */
export type SessionForm = 'plain' | 'extended' | 'ack';
