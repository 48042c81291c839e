/**
 * Why a connection ended: logged, counted and sent (112) from the same row.
 * `comesBackAfterMs`: the least time after which the client may connect again by itself.
 */
export interface CloseReason {
  readonly number: number;
  readonly name: string;
  readonly comesBackAfterMs: number;
}

function reason(number: number, name: string, comesBackAfterMs: number): CloseReason {
  return { number, name, comesBackAfterMs };
}

export const CloseReasons = {
  clientLeft: reason(1, 'client_left', 0),
  connectionLost: reason(2, 'connection_lost', 0),
  heartbeatTimeout: reason(3, 'heartbeat_timeout', 0),
  authTimeout: reason(4, 'auth_timeout', 1_000),
  tooManyVerifyAttempts: reason(5, 'too_many_verify_attempts', 60_000),
  badLength: reason(6, 'bad_length', 1_000),
  tooManyBadFrames: reason(7, 'too_many_bad_frames', 60_000),
  slowReader: reason(8, 'slow_reader', 1_000),
  takenOver: reason(9, 'taken_over', 60_000),
  kicked: reason(10, 'kicked', 5_000),
  loggedOut: reason(11, 'logged_out', 60_000),
  draining: reason(12, 'draining', 500),
  gatewayFull: reason(13, 'gateway_full', 5_000),
  addressFull: reason(14, 'address_full', 5_000),
  reverified: reason(15, 'reverified', 0),
  noProxyHeader: reason(16, 'no_proxy_header', 0),
  tlsFailed: reason(17, 'tls_failed', 0),
  frameTimeout: reason(18, 'frame_timeout', 1_000),
  acceptRate: reason(19, 'accept_rate', 1_000),
  rebalanced: reason(20, 'rebalanced', 500),
  unverifiedFull: reason(21, 'unverified_full', 5_000),
  verifyFailed: reason(22, 'verify_failed', 5_000),
} as const;

const byName = new Map<string, CloseReason>(Object.values(CloseReasons).map((row) => [row.name, row]));

/** Returns the row of a reason that came by name through Redis; an unknown name, of a newer gateway, counts as `kicked`. */
export function closeReasonOf(name: string): CloseReason {
  return byName.get(name) ?? CloseReasons.kicked;
}

/** Why a session ended while its gateway did not hear of it: another claim, or what the store says. */
export function endOf(reason: string): CloseReason {
  return reason === '' ? CloseReasons.takenOver : closeReasonOf(reason);
}
