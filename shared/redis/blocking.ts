/** The longest that a command may block on a connection, ms: a connection that hangs is found soon after. */
export const BLOCK_MS = 2_000;
