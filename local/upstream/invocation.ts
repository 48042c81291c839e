/** One call of a function, as the Invoke API took it. */
export interface Invocation {
  functionName: string;
  requestId: string;
  /** JSON text. */
  payload: string;
}

/** What became of it. Payloads are JSON text; that of an error is `{errorMessage, errorType, trace?}`. */
export type Outcome = { kind: 'answer'; payload: string } | { kind: 'error'; payload: string };

/** Runs a function; rejects only when nothing could be run at all. */
export type Run = (invocation: Invocation) => Promise<Outcome>;

export function errorOutcome(errorType: string, errorMessage: string, trace?: readonly string[]): Outcome {
  return { kind: 'error', payload: JSON.stringify({ errorType, errorMessage, ...(trace ? { trace } : {}) }) };
}
