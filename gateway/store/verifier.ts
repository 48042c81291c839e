import type { Keys } from '../../contract/store/keys.ts';
import {
  type Claimant,
  type ClaimResult,
  claimSessions,
  readTokens,
  type TokenFields,
} from '../../contract/store/scripts/sessions.ts';
import { tokenMatches } from '../../contract/store/tokens.ts';
import type { SessionForm } from '../../contract/wire/session-form.ts';
import type { Log } from '../../shared/log.ts';
import { RedisReplyError } from '../../shared/redis/errors.ts';
import type { RedisPort } from '../../shared/redis/port.ts';
import type { RecentCalls } from './recent-calls.ts';

interface Credentials {
  userId: string;
  token: string;
  form: SessionForm;
}

interface VerifierParts {
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
  readonly recent: Pick<RecentCalls, 'nextName'>;
  /** What clients have acknowledged is to be written before they are claimed again. */
  readonly progress: { flush(): void };
  readonly log: Pick<Log, 'error'>;
}

/** `failed`: the store does not take this verify, for a reason that says nothing about the token. */
type VerifyResult = ClaimResult | { status: 'failed' };

interface Waiting extends Credentials {
  isWanted: () => boolean;
  answer: (result: VerifyResult) => void;
}

interface Genuine extends Waiting {
  tokenField: string;
}

/** In one call. */
const BATCH = 128;
/** Calls in flight at a time, at least. Verifies that come meanwhile go with the next call: in a storm batches are large, and few. */
const MIN_BATCHES = 2;
/** Below it, verifies that are no longer wanted are not looked for. */
const COMPACT_ABOVE = 1_024;

const REFUSED: ClaimResult = { status: 'refused' };
const FAILED: VerifyResult = { status: 'failed' };

/**
 * Checks tokens and claims sessions: those of one turn of the event loop go to Redis together, and no more than a
 * bounded number are there at a time, so that a storm of clients waits here and not in front of everyone's messages.
 *
 * A batch that a script refuses is halved until the verify at fault is alone: that one fails, the others go on.
 */
export class Verifier {
  readonly #redis: RedisPort;
  readonly #keys: Keys;
  readonly #config: VerifierParts['config'];
  readonly #lease: VerifierParts['lease'];
  readonly #claims: VerifierParts['claims'];
  readonly #recent: VerifierParts['recent'];
  readonly #progress: VerifierParts['progress'];
  readonly #log: VerifierParts['log'];
  readonly #maxBatches: number;
  #waiting: Waiting[] = [];
  #compactAbove = COMPACT_ABOVE;
  #inFlight = 0;
  #batches = 0;
  #scheduled = false;

  constructor(parts: VerifierParts) {
    this.#redis = parts.redis;
    this.#keys = parts.keys;
    this.#config = parts.config;
    this.#lease = parts.lease;
    this.#claims = parts.claims;
    this.#recent = parts.recent;
    this.#progress = parts.progress;
    this.#log = parts.log;
    this.#maxBatches = Math.max(MIN_BATCHES, Math.ceil(parts.config.maxVerifiesInFlight / BATCH));
  }

  get waiting(): number {
    return this.#waiting.reduce((sum, { isWanted }) => (isWanted() ? sum + 1 : sum), this.#inFlight);
  }

  /**
   * Calls `answer` when Redis has replied: while it is away, the verify waits. One that is no longer wanted is dropped without
   * an answer: nothing is claimed for a client that has given up.
   */
  verify(credentials: Credentials, isWanted: () => boolean, answer: (result: VerifyResult) => void): void {
    const { userId, token, form } = credentials;
    this.#waiting.push({ userId, token, form, isWanted, answer });
    if (this.#waiting.length > this.#compactAbove) this.#compact();
    this.#schedule();
  }

  /** While Redis is away, clients come again and again. Each time their number has doubled: the cost per verify does not grow. */
  #compact(): void {
    this.#waiting = this.#waiting.filter(({ isWanted }) => isWanted());
    this.#compactAbove = Math.max(COMPACT_ABOVE, 2 * this.#waiting.length);
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
    if (room <= 0 || this.#batches === this.#maxBatches) return;
    const batch = this.#take(Math.min(room, BATCH));
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

  /** The first `max` that are still wanted. */
  #take(max: number): Waiting[] {
    const taken: Waiting[] = [];
    let looked = 0;
    for (const waiting of this.#waiting) {
      if (taken.length === max) break;
      looked += 1;
      if (waiting.isWanted()) taken.push(waiting);
    }
    this.#waiting.splice(0, looked);
    return taken;
  }

  async #run(batch: readonly Waiting[]): Promise<void> {
    const fields = await this.#tokensOrSplit(batch);
    if (fields === undefined) return;
    const genuine: Genuine[] = [];
    for (const [i, waiting] of batch.entries()) {
      const tokenField = matchingField(waiting.token, fields[i] ?? []);
      if (tokenField === undefined) waiting.answer(REFUSED);
      else genuine.push({ ...waiting, tokenField });
    }
    if (genuine.length === 0) return;
    const users = genuine.map(({ userId }) => userId);
    this.#claims.begin(users);
    await this.#claimOrSplit(genuine);
    this.#claims.end(users);
  }

  /** Returns undefined when the batch was refused: its parts have then been run one by one. */
  async #tokensOrSplit(batch: readonly Waiting[]): Promise<TokenFields[] | undefined> {
    const users = batch.map(({ userId }) => userId);
    try {
      return await readTokens(this.#redis, this.#keys, users);
    } catch (error) {
      await this.#split(batch, error, (part) => this.#run(part));
      return undefined;
    }
  }

  async #claimOrSplit(all: readonly Genuine[]): Promise<void> {
    for (;;) {
      // Redis may have been away for long: the claim of a client that has left would end the session that it has elsewhere by now.
      const genuine = all.filter(({ isWanted }) => isWanted());
      if (genuine.length === 0) return;
      const { gatewayId } = this.#lease;
      let results: Awaited<ReturnType<typeof claimSessions>>;
      try {
        results = await this.#claim(genuine);
      } catch (error) {
        return this.#split(genuine, error, (part) => this.#claimOrSplit(part));
      }
      if (results === 'no_lease') await this.#lease.recovered(gatewayId);
      // Sessions of an id that is not ours any more are about to be buried: they are claimed again under the new one.
      else if (gatewayId === this.#lease.gatewayId) {
        for (const [i, waiting] of genuine.entries()) waiting.answer(results[i] ?? REFUSED);
        return;
      }
    }
  }

  /** Tries each half alone, and fails a single one. An unavailable store takes no part either. */
  async #split<T extends Waiting>(batch: readonly T[], error: unknown, run: (part: readonly T[]) => Promise<void>) {
    if (batch.length > 1 && error instanceof RedisReplyError) {
      const half = Math.ceil(batch.length / 2);
      await run(batch.slice(0, half));
      return run(batch.slice(half));
    }
    this.#log.error(
      { event: 'verify_failed', verifies: batch.length, error: String(error) },
      'could not verify clients',
    );
    for (const { answer } of batch) answer(FAILED);
  }

  /** `no_lease`: a gateway without a lease claims nothing, it must join again first. */
  #claim(genuine: readonly Genuine[]): ReturnType<typeof claimSessions> {
    this.#progress.flush();
    const requests = genuine.map(({ userId, form, tokenField }) => ({ userId, form, proof: { tokenField } }));
    const claimant = { ...this.#lease.claimant, call: this.#recent.nextName() };
    return claimSessions(this.#redis, this.#keys, claimant, this.#config.offlineTtlSeconds, requests);
  }
}

function matchingField(token: string, fields: TokenFields): string | undefined {
  if (typeof fields === 'string') return tokenMatches(token, fields) ? fields : undefined;
  // All of them are compared, so that the time reveals nothing.
  return fields.filter((field) => tokenMatches(token, field))[0];
}
