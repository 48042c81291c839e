/** Maximum time that a command may block on a connection, ms: a hanging connection is detected soon after. */
export const BLOCK_MS = 1_500;
