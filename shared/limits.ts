/** Limits that functions and gateways share. Each can be set in the environment by the name beside it. */
export const DEFAULT_LIMITS = {
  /** MAILBOX_MAX: messages per mailbox; the oldest are dropped first, and counted as `lost`. */
  mailboxMax: 1_000,
  /** MAILBOX_MAX_BYTES: bytes per mailbox; likewise. */
  mailboxMaxBytes: 1_048_576,
  /** MAX_RECIPIENTS */
  maxRecipients: 1_000,
  /** OFFLINE_TTL_S */
  offlineTtlSeconds: 604_800,
  /** TOKEN_TTL_S */
  tokenTtlSeconds: 2_592_000,
} as const;

/** How long an idempotency key is remembered, s. */
export const IDEMPOTENCY_TTL_SECONDS = 86_400;

/** LEASE_MS: time without a renewal, by the clock of Redis, after which other gateways consider a gateway dead. */
export const DEFAULT_LEASE_MS = 10_000;
