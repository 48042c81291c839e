/**
 * A client's broadcast that its gateway gave to its own sessions before Redis knew of it. A user who moves meanwhile to another
 * gateway, which gets it through Redis, would have it twice.
 */
export interface DirectBroadcast {
  /** Names the gateway process, in hexadecimal digits: a gateway that lost its lease keeps it. */
  readonly origin: string;
  /** Counted from 1 by that gateway. */
  readonly number: number;
}

/** Those of one gateway that a user's session there was given: the numbers above `after`, up to `upTo`. */
export interface DirectBroadcasts {
  readonly origin: string;
  readonly after: number;
  readonly upTo: number;
}

export const NO_DIRECT_BROADCASTS: readonly DirectBroadcasts[] = [];

export function isAmong(given: readonly DirectBroadcasts[], { origin, number }: DirectBroadcast): boolean {
  return given.some((range) => range.origin === origin && range.after < number && number <= range.upTo);
}

/** As `release` takes it. */
export function directBroadcastsText(given: DirectBroadcasts | undefined): string {
  return given === undefined ? '' : `${given.origin} ${given.after} ${given.upTo}`;
}

/** The `given` of a user: `<origin> <after> <up to>`, one behind the other. */
export function parseDirectBroadcasts(text: string): readonly DirectBroadcasts[] {
  if (text === '') return NO_DIRECT_BROADCASTS;
  return [...text.matchAll(/(\S+) (\d+) (\d+)/g)].map(([, origin = '', after, upTo]) => ({
    origin,
    after: Number(after),
    upTo: Number(upTo),
  }));
}
