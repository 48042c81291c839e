/**
 * Users whose claim has no answer yet. The inbox comes over a connection of its own, and may be ahead of the answer:
 * a record for a session that is not here may be for one that is just being claimed.
 */
export class ClaimsInFlight {
  readonly #claims = new Map<string, { count: number; waiting: (() => void)[] }>();

  begin(userIds: readonly string[]): void {
    for (const userId of userIds) {
      const claim = this.#claims.get(userId);
      if (claim) claim.count += 1;
      else this.#claims.set(userId, { count: 1, waiting: [] });
    }
  }

  /** To be called when the answers have been acted on. */
  end(userIds: readonly string[]): void {
    for (const userId of userIds) {
      const claim = this.#claims.get(userId);
      if (!claim) continue;
      claim.count -= 1;
      if (claim.count > 0) continue;
      this.#claims.delete(userId);
      for (const resolve of claim.waiting) resolve();
    }
  }

  has(userId: string): boolean {
    return this.#claims.has(userId);
  }

  /** Resolves when this user has no claim in flight; undefined: it has none. */
  answered(userId: string): Promise<void> | undefined {
    const claim = this.#claims.get(userId);
    return claim && new Promise((resolve) => claim.waiting.push(resolve));
  }
}
