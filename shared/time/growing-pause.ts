interface GrowingPause {
  /** Ms: twice as many as the time before, from `minMs` up to `maxMs`. */
  next(): number;
  /** Something has come: the next pause is the shortest again. */
  reset(): void;
}

/** Pauses between two looks at what cannot be waited for. */
export function growingPause(minMs: number, maxMs: number): GrowingPause {
  let nextMs = minMs;
  return {
    next() {
      const ms = nextMs;
      nextMs = Math.min(maxMs, 2 * ms);
      return ms;
    },
    reset() {
      nextMs = minMs;
    },
  };
}
