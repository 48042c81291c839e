/**
 * Every Redis key of a deployment (docs/redis-keys.md). One object per cell.
 *
 * All keys of a cell begin with one prefix. In a cluster the prefix is a hash tag, so that a script may touch
 * all of them. Cell 0 has the plain prefix, which other programs use; further cells put their number into it.
 */
export interface Keys {
  readonly prefix: string;
  user(userId: string): string;
  readonly users: string;
  readonly gateways: string;
  gateway(gatewayId: string): string;
  sessions(gatewayId: string): string;
  inbox(gatewayId: string): string;
  /** Which of its calls took effect: '<all up to this number> <further> …'. */
  writes(gatewayId: string): string;
  mailbox(userId: string): string;
  /** Bytes of all its messages; their senders, once a quarter of a bound is reached; and the messages with their own expiry. */
  mailboxBytes(userId: string): string;
  mailboxSenders(userId: string): string;
  mailboxExpiry(userId: string): string;
  /** A large body that several mailboxes refer to. */
  body(messageId: string): string;
  /** Records of inboxes that the reader did not understand: kept for a version that does (a list). */
  readonly inboxUnread: string;
  readonly queue: string;
  /** Entries on their way from the queue into the route script: taken before anything newer. */
  readonly queueTaken: string;
  /** Progress through the recipients of an entry with a long list (a hash). */
  readonly queuePlace: string;
  readonly queueDead: string;
  receipt(messageId: string): string;
  /** Ids of receipts that have reached the step for which calls of this function instance wait (a short stream). */
  waits(instanceId: string): string;
  /** The last batch that a gateway has routed. */
  batch(gatewayId: string): string;
  idempotency(userId: string, key: string): string;
  /** Ids of commands that wait for their time (a sorted set: when they are due, ms), and each as a hash. */
  readonly scheduled: string;
  scheduledCommand(commandId: string): string;
  /** Recipients for whom a command was stored, and the number for whom it can no longer be cancelled (a hash). */
  cancellable(commandId: string): string;
  /** Names of groups (a sorted set), and the generation of each (a hash). */
  readonly groups: string;
  readonly groupNames: string;
  /** One generation of a group: its members (a sorted set, score = time of joining) and, while sends are pending, former members and the sends. */
  group(generation: string): string;
  groupLeft(generation: string): string;
  groupSends(generation: string): string;
  /** Sends to groups in progress: all, those of one sender, and members who were served ahead of their turn. */
  readonly groupWork: string;
  senderWork(userId: string): string;
  groupEarly(commandId: string): string;
  /** Per `replaces` key the newest command for a user (a hash). */
  replaces(userId: string): string;
  /** What a command has replaced, per user, for as long as its request may be withdrawn (a hash). */
  replaced(commandId: string): string;
  /** Messages withdrawn because their request was refused later, for gateways that still have them in an inbox (a sorted set: id, id). */
  readonly withdrawn: string;
  /** Users that get the same message in session after session (a sorted set: user, number of sessions). Bounded. */
  readonly repeated: string;
  readonly events: string;
  /** What gateways deliver and refuse, while somebody follows (a short stream). */
  readonly tail: string;
  /** Sums since the deployment began: `delivered`, `stored`, … (a hash). */
  readonly stats: string;
  /** What gateways report of one minute (Unix minutes), added up (a hash). */
  figures(minute: number): string;
  /** Items of devices for the upstream function: a stream per lane. */
  upstreamLane(lane: number): string;
  /** The gateway that owns each lane (a hash). */
  readonly upstreamLanes: string;
  /** Bytes of all items in the lanes. */
  readonly upstreamBytes: string;
  /** The last entry of `events` that the lifecycle function was given. */
  readonly upstreamPosition: string;
  /** Items that are too large for the function (a list of the latest). */
  readonly upstreamDead: string;
  /** Failed logins of one kind (`pair`, `address`, `user`) and name. */
  loginFailures(kind: string, name: string): string;
  /** A token of a program, by its id (a hash), and the ids of all with the time at which they expire (a sorted set). */
  serviceToken(id: string): string;
  readonly serviceTokens: string;
  /** The audit: actor, action and target (a stream). */
  readonly audit: string;
}

export function keysOf(prefix: string, cell = 0): Keys {
  const p = cellPrefix(prefix, cell);
  return {
    prefix: p,
    user: (userId) => `${p}user:${userId}`,
    users: `${p}users`,
    gateways: `${p}gateways`,
    gateway: (gatewayId) => `${p}gateway:${gatewayId}`,
    sessions: (gatewayId) => `${p}sessions:${gatewayId}`,
    inbox: (gatewayId) => `${p}inbox:${gatewayId}`,
    writes: (gatewayId) => `${p}writes:${gatewayId}`,
    mailbox: (userId) => `${p}mailbox:${userId}`,
    mailboxBytes: (userId) => `${p}mailbox_bytes:${userId}`,
    mailboxSenders: (userId) => `${p}mailbox_senders:${userId}`,
    mailboxExpiry: (userId) => `${p}mailbox_expiry:${userId}`,
    body: (messageId) => `${p}body:${messageId}`,
    inboxUnread: `${p}inbox_unread`,
    queue: `${p}front_tcp`,
    queueTaken: `${p}front_tcp:taken`,
    queuePlace: `${p}front_tcp:place`,
    queueDead: `${p}front_tcp:dead`,
    receipt: (messageId) => `${p}receipt:${messageId}`,
    waits: (instanceId) => `${p}waits:${instanceId}`,
    batch: (gatewayId) => `${p}batch:${gatewayId}`,
    // Escaped, because an id may have colons: user `a` with key `b:c` is not user `a:b` with key `c`.
    idempotency: (userId, key) => `${p}idempotency:${encodeURIComponent(userId)}:${key}`,
    scheduled: `${p}scheduled`,
    scheduledCommand: (commandId) => `${p}scheduled:${commandId}`,
    cancellable: (commandId) => `${p}cancellable:${commandId}`,
    groups: `${p}groups`,
    groupNames: `${p}group_names`,
    group: (generation) => `${p}group:${generation}`,
    groupLeft: (generation) => `${p}group_left:${generation}`,
    groupSends: (generation) => `${p}group_sends:${generation}`,
    groupWork: `${p}group_work`,
    senderWork: (userId) => `${p}sender_work:${userId}`,
    groupEarly: (commandId) => `${p}group_early:${commandId}`,
    replaces: (userId) => `${p}replaces:${userId}`,
    replaced: (commandId) => `${p}replaced:${commandId}`,
    withdrawn: `${p}withdrawn`,
    repeated: `${p}repeated`,
    events: `${p}events`,
    tail: `${p}tail`,
    stats: `${p}stats`,
    figures: (minute) => `${p}figures:${minute}`,
    upstreamLane: (lane) => `${p}upstream:${lane}`,
    upstreamLanes: `${p}upstream_lanes`,
    upstreamBytes: `${p}upstream_bytes`,
    upstreamPosition: `${p}upstream_position`,
    upstreamDead: `${p}upstream_dead`,
    loginFailures: (kind, name) => `${p}login_failures:${kind}:${name}`,
    serviceToken: (id) => `${p}service_token:${id}`,
    serviceTokens: `${p}service_tokens`,
    audit: `${p}audit`,
  };
}

/** `{fronttcp}:` in cell 2 is `{fronttcp.2}:`; a prefix without a hash tag gets the number behind it. */
function cellPrefix(prefix: string, cell: number): string {
  if (cell === 0) return prefix;
  const tag = /^\{([^{}]+)\}/.exec(prefix);
  return tag ? `{${tag[1]}.${cell}}${prefix.slice(tag[0].length)}` : `${prefix}cell${cell}:`;
}

/** The part of the key that decides the slot in a cluster, or undefined where there is no hash tag. */
export function hashTag(prefix: string): string | undefined {
  return /^[^{]*\{([^}]+)\}/.exec(prefix)?.[1];
}

/** Returns the cell of a user: FNV-1a over the UTF-8 bytes of the id, the same in every part and language. */
export function cellOf(userId: string, cells: number): number {
  if (cells <= 1) return 0;
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(userId)) hash = Math.imul(hash ^ byte, 0x01000193);
  return (hash >>> 0) % cells;
}
