import { setTimeout } from 'node:timers/promises';
import type { Invocation, Outcome, Run } from './invocation.ts';

/**
 * Asynchronous invocations: as in Lambda, a failed one is retried twice, then given up (there an onFailure
 * destination gets it, here it is logged). The pauses are shorter than Lambda's minute.
 */
export class AsyncInvocations {
  readonly #delaysMs: readonly number[];
  readonly #say: (line: string) => void;
  readonly #stopping = new AbortController();
  readonly #inFlight = new Set<Promise<void>>();

  constructor(delaysMs: readonly number[], say: (line: string) => void) {
    this.#delaysMs = delaysMs;
    this.#say = say;
  }

  begin(run: Run, invocation: Invocation): void {
    const done = this.#try(run, invocation).finally(() => this.#inFlight.delete(done));
    this.#inFlight.add(done);
  }

  /** Running invocations end; pauses are cut short. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await Promise.all(this.#inFlight);
  }

  async #try(run: Run, invocation: Invocation): Promise<void> {
    for (const delayMs of [...this.#delaysMs, undefined]) {
      const outcome = await run(invocation).catch(
        (error: unknown): Outcome => ({ kind: 'error', payload: String(error) }),
      );
      if (outcome.kind === 'answer') return;
      const next = delayMs === undefined ? 'given up' : `tried again in ${delayMs / 1_000} s`;
      this.#say(`upstream: the function failed (${next}): ${outcome.payload}`);
      if (delayMs === undefined || this.#stopping.signal.aborted) return;
      await setTimeout(delayMs, undefined, { signal: this.#stopping.signal }).catch(() => undefined);
      if (this.#stopping.signal.aborted) return;
    }
  }
}
