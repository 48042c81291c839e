import { Latch } from '../../shared/time/latch.ts';

/** The claims of one user. */
interface Claims {
  count: number;
  /** Made for the first who waits. */
  answered: Latch | undefined;
}

/**
 * Users whose claim Redis has not answered yet. The inbox arrives on another connection, and may be ahead of the reply:
 * a record for a session that is not here may be for one that is being claimed.
 */
export class ClaimsInFlight {
  readonly #claims = new Map<string, Claims>();

  begin(userIds: readonly string[]): void {
    for (const userId of userIds) {
      const claim = this.#claims.get(userId);
      if (claim) claim.count += 1;
      else this.#claims.set(userId, { count: 1, answered: undefined });
    }
  }

  /** To be called when the replies have been acted on. */
  end(userIds: readonly string[]): void {
    for (const userId of userIds) {
      const claim = this.#claims.get(userId);
      if (!claim) continue;
      claim.count -= 1;
      if (claim.count > 0) continue;
      this.#claims.delete(userId);
      claim.answered?.open();
    }
  }

  /** How many users there are. */
  get size(): number {
    return this.#claims.size;
  }

  has(userId: string): boolean {
    return this.#claims.has(userId);
  }

  /** Resolves when the claims that are in flight now are answered. */
  async allAnswered(): Promise<void> {
    await Promise.all([...this.#claims.keys()].map((userId) => this.answered(userId)));
  }

  /** Resolves when this user has no claim in flight; undefined: it has none. */
  answered(userId: string): Promise<void> | undefined {
    const claim = this.#claims.get(userId);
    if (claim === undefined) return undefined;
    claim.answered ??= new Latch();
    return claim.answered.opened();
  }
}
