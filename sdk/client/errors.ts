/** A class for each decision a caller can take. All are `FronttcpError`s; the underlying error is their `cause`. */
export class FronttcpError extends Error {
  override name = 'FronttcpError';
}

/** The connection failed or broke. Try again later: the client does so by itself once it has been verified. */
export class UnreachableError extends FronttcpError {
  override name = 'UnreachableError';
}

/** The server does not know this token (any more). Log in again, and connect with the new one. */
export class TokenRefusedError extends FronttcpError {
  override name = 'TokenRefusedError';
}

/** The server ended this client for good, such as by a newer connection of the same user. Do not reconnect without a reason. */
export class DismissedError extends FronttcpError {
  override name = 'DismissedError';
  /** The server's reason, such as `taken_over`. */
  readonly reason: string;

  constructor(reason: string) {
    super(`the server ended this connection for good: ${reason}`);
    this.reason = reason;
  }
}

/** The server refused the command, and did nothing. Change it before sending it again. */
export class RefusedError extends FronttcpError {
  override name = 'RefusedError';
  /** The server's reason: `error` of command 111. */
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/** Sent, and the connection ended before the answer: it may have been accepted. Send again only if a repetition does no harm. */
export class UnconfirmedError extends FronttcpError {
  override name = 'UnconfirmedError';
}

/** No answer in time. `isWritten` false: it never left, and sending again is safe. True: as with UnconfirmedError. */
export class TimeoutError extends FronttcpError {
  override name = 'TimeoutError';
  readonly isWritten: boolean;

  constructor(timeoutMs: number, isWritten: boolean) {
    super(isWritten ? `no answer within ${timeoutMs} ms` : `no connection to send it within ${timeoutMs} ms`);
    this.isWritten = isWritten;
  }
}

/** Too many sends wait for their answer. Await some before sending more. */
export class OverloadedError extends FronttcpError {
  override name = 'OverloadedError';
}

/** The frame would be larger than the server accepts; the server would have closed the connection. Send less at once. */
export class TooLargeError extends FronttcpError {
  override name = 'TooLargeError';
}

/** This client is closed. Make a new one. */
export class ClosedError extends FronttcpError {
  override name = 'ClosedError';
}
