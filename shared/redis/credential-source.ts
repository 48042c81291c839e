import { RedisUnavailableError } from './errors.ts';

/** A secret is not read again more often than this: each time is a paid call. */
const RENEWAL_INTERVAL_MS = 1_000;

/** Credentials that may be rotated: the current ones, and a function that reads them again without any cache. */
export class CredentialSource<T> {
  #current: T;
  readonly #read: (() => Promise<T>) | undefined;
  #renewal: Promise<void> | undefined;
  #renewedAtMs = Number.NEGATIVE_INFINITY;

  /** Without `read` the credentials never change. */
  constructor(first: T, read?: () => Promise<T>) {
    this.#current = first;
    this.#read = read;
  }

  get current(): T {
    return this.#current;
  }

  /** Reads them again; calls at the same time share one reading. Throws RedisUnavailableError when they cannot be read. */
  async renew(): Promise<void> {
    if (this.#read === undefined) return;
    if (this.#renewal === undefined) {
      if (performance.now() - this.#renewedAtMs < RENEWAL_INTERVAL_MS) return;
      this.#renewal = this.#read()
        .then((credentials) => {
          this.#current = credentials;
        })
        .finally(() => {
          this.#renewedAtMs = performance.now();
          this.#renewal = undefined;
        });
    }
    try {
      await this.#renewal;
    } catch (error) {
      const reason = 'store_credentials';
      const message = error instanceof Error ? error.message : String(error);
      throw new RedisUnavailableError(message, { cause: error, reason, isRefusal: true });
    }
  }
}
