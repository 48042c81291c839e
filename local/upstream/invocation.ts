/** One call of a function, as accepted by the Invoke API. */
export interface Invocation {
  functionName: string;
  requestId: string;
  /** JSON text. */
  payload: string;
}

/** The result of a call. Payloads are JSON text; that of an error is `{errorMessage, errorType, trace?}`. */
export type Outcome = { kind: 'answer'; payload: string } | { kind: 'error'; payload: string };

/** Runs a function; rejects only when the function could not be started. */
export type Run = (invocation: Invocation) => Promise<Outcome>;

export function errorOutcome(errorType: string, errorMessage: string, trace?: readonly string[]): Outcome {
  return { kind: 'error', payload: JSON.stringify({ errorType, errorMessage, ...(trace ? { trace } : {}) }) };
}
