import type { Keys } from '../../contract/store/keys.ts';
import { type Claimant, type ClaimResult, claimSessions, readTokens } from '../../contract/store/scripts/sessions.ts';
import { tokenMatches } from '../../contract/store/tokens.ts';
import type { SessionForm } from '../../contract/wire/session-form.ts';
import type { Log } from '../../shared/log.ts';
import type { RedisPort } from '../../shared/redis/port.ts';

export interface Credentials {
  userId: string;
  token: string;
  form: SessionForm;
}

export interface VerifierParts {
  readonly redis: RedisPort;
  readonly keys: Keys;
  readonly config: { readonly offlineTtlSeconds: number; readonly maxVerifiesInFlight: number };
  readonly lease: {
    readonly gatewayId: string;
    readonly claimant: Claimant;
    /** Resolves when a renewal has proved that the lease of this id holds, or another id is in force. */
    recovered(gatewayId: string): Promise<void>;
  };
  /** Claims that Redis has not answered yet. */
  readonly claims: { begin(userIds: readonly string[]): void; end(userIds: readonly string[]): void };
  readonly log: Pick<Log, 'error'>;
}

interface Waiting extends Credentials {
  answer: (result: ClaimResult) => void;
}

/** In one call. */
const BATCH = 128;
/** Calls in flight at a time. Verifies that come meanwhile go with the next call: in a storm batches are large, and few. */
const MAX_BATCHES = 2;

const REFUSED: ClaimResult = { status: 'refused' };

/**
 * Checks tokens and claims sessions: those of one turn of the event loop go to Redis together, and no more than a
 * bounded number are there at a time, so that a storm of clients waits here and not in front of everyone's messages.
 */
export class Verifier {
  readonly #redis: RedisPort;
  readonly #keys: Keys;
  readonly #config: VerifierParts['config'];
  readonly #lease: VerifierParts['lease'];
  readonly #claims: VerifierParts['claims'];
  readonly #log: VerifierParts['log'];
  #waiting: Waiting[] = [];
  #inFlight = 0;
  #batches = 0;
  #scheduled = false;

  constructor(parts: VerifierParts) {
    this.#redis = parts.redis;
    this.#keys = parts.keys;
    this.#config = parts.config;
    this.#lease = parts.lease;
    this.#claims = parts.claims;
    this.#log = parts.log;
  }

  get waiting(): number {
    return this.#waiting.length + this.#inFlight;
  }

  /** Calls `answer` when Redis has replied: while it is away, the verify waits. */
  verify(credentials: Credentials, answer: (result: ClaimResult) => void): void {
    this.#waiting.push({ ...credentials, answer });
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled || this.#waiting.length === 0) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#next();
    });
  }

  #next(): void {
    const room = this.#config.maxVerifiesInFlight - this.#inFlight;
    if (room <= 0 || this.#batches === MAX_BATCHES) return;
    const batch = this.#waiting.splice(0, Math.min(room, BATCH));
    if (batch.length === 0) return;
    this.#inFlight += batch.length;
    this.#batches += 1;
    void this.#run(batch).finally(() => {
      this.#inFlight -= batch.length;
      this.#batches -= 1;
      this.#schedule();
    });
    this.#schedule();
  }

  async #run(batch: Waiting[]): Promise<void> {
    const fields = await this.#tokens(batch);
    const genuine: (Waiting & { tokenField: string })[] = [];
    batch.forEach((waiting, i) => {
      // All of them are compared: how long it takes tells nothing.
      const [tokenField] = (fields[i] ?? []).filter((field) => tokenMatches(waiting.token, field));
      if (tokenField) genuine.push({ ...waiting, tokenField });
      else waiting.answer(REFUSED);
    });
    if (genuine.length === 0) return;
    const users = genuine.map(({ userId }) => userId);
    this.#claims.begin(users);
    for (;;) {
      const { gatewayId } = this.#lease;
      const results = await this.#claim(genuine).catch((error: unknown) => this.#failed(error));
      if (results === 'no_lease') await this.#lease.recovered(gatewayId);
      // Sessions of an id that is not ours any more are about to be buried: they are claimed again under the new one.
      else if (gatewayId === this.#lease.gatewayId) {
        genuine.forEach((waiting, i) => {
          waiting.answer(results[i] ?? REFUSED);
        });
        break;
      }
    }
    this.#claims.end(users);
  }

  /** What Redis refuses for good refuses these verifies. */
  #tokens(batch: readonly Waiting[]): Promise<string[][]> {
    const users = batch.map(({ userId }) => userId);
    return readTokens(this.#redis, this.#keys, users).catch((error: unknown) => this.#failed(error));
  }

  #failed(error: unknown): [] {
    this.#log.error({ event: 'verify_failed', error: String(error) }, 'verifying failed');
    return [];
  }

  /** `no_lease`: a gateway without a lease claims nothing, it must join again first. */
  #claim(genuine: readonly (Waiting & { tokenField: string })[]): ReturnType<typeof claimSessions> {
    const requests = genuine.map(({ userId, form, tokenField }) => ({ userId, form, proof: { tokenField } }));
    return claimSessions(this.#redis, this.#keys, this.#lease.claimant, this.#config.offlineTtlSeconds, requests);
  }
}
