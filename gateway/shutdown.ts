import { setTimeout } from 'node:timers/promises';
import type { GatewayParts } from './compose.ts';
import { drainClients } from './fleet/drain.ts';

/** One step of the shutdown: its work, and the longest wait for it before the next step begins. */
interface ShutdownStep {
  readonly name: string;
  readonly budgetMs: number;
  readonly run: (parts: GatewayParts, budgetMs: number) => Promise<unknown>;
}

/**
 * The process ends at most this long after DRAIN_TIMEOUT_MS, if that is 39 s or more. In a shorter drain the other steps keep
 * their 24.5 s and the goodbyes get half of the drain: 10 s take up to 29.5 s. The stop timeout of a container is longer.
 */
export const STOP_MARGIN_MS = 5_000;
const MIN_GOODBYES_MS = 1_000;
const POLL_MS = 20;

/**
 * The steps after the goodbyes and before them, with the time that each may take. When Redis is away, the rest is left to
 * the gateway that buries this one. The inbox is read while the goodbyes last: clients that are still here get their
 * messages, and those that came back elsewhere are handed theirs at once.
 */
const BEFORE_GOODBYES: readonly ShutdownStep[] = [
  {
    name: 'begin nothing new',
    budgetMs: 0,
    run: async ({ tlsMaterial, sweeper, releases, rebalance }) => {
      tlsMaterial?.stop();
      sweeper.stop();
      releases.stop();
      rebalance?.stop();
    },
  },
  { name: 'release the task', budgetMs: 2_000, run: ({ observer }) => observer.releaseTask() },
  { name: 'stop draining the queue', budgetMs: 2_000, run: ({ queueDrain }) => queueDrain.stop() },
];

const AFTER_GOODBYES: readonly ShutdownStep[] = [
  { name: 'route what clients sent', budgetMs: 2_500, run: ({ routeQueue }) => routeQueue.idle() },
  {
    name: 'release the sessions',
    budgetMs: 5_000,
    run: ({ sessionStore, progress, upstream }) =>
      Promise.all([sessionStore.idle(), progress.idle(), upstream?.idle()]),
  },
  {
    name: 'stop reading the inbox',
    budgetMs: 5_000,
    run: ({ inbox, upstream }) => {
      inbox.stop();
      return Promise.all([inbox.idle(), upstream?.stop()]);
    },
  },
  {
    name: 'drop the lease',
    budgetMs: 4_000,
    run: async ({ lease, undertaker }) => {
      lease.stop();
      if (lease.gatewayId !== '') await undertaker.bury(lease.gatewayId, { leaving: true });
    },
  },
  {
    name: 'let clients read their goodbye',
    budgetMs: 2_000,
    run: ({ listener }, budgetMs) => untilEmpty(listener, budgetMs),
  },
  {
    name: 'export traces and figures',
    budgetMs: 1_500,
    run: async ({ wheel, observer, tail, health, exporter }) => {
      wheel.stop();
      tail.stop();
      health.close();
      await Promise.all([observer.stop(), exporter?.stop()]);
    },
  },
  {
    name: 'close Redis',
    budgetMs: 500,
    run: ({ redis, inbox, queueRedis, upstream }) =>
      Promise.all([redis.close(), inbox.close(), queueRedis.close(), upstream?.close()]),
  },
];

/** All steps, in order. The goodbyes get what the others leave of the drain, and half of a short one at the least. */
export function shutdownSteps(drainTimeoutMs: number): readonly ShutdownStep[] {
  const others = sum([...BEFORE_GOODBYES, ...AFTER_GOODBYES]);
  const goodbyes: ShutdownStep = {
    name: 'say goodbye',
    budgetMs: Math.max(MIN_GOODBYES_MS, drainTimeoutMs / 2, drainTimeoutMs + STOP_MARGIN_MS - others),
    run: ({ listener, config }, budgetMs) => drainClients(listener, budgetMs, config.drainAcceptMs),
  };
  return [...BEFORE_GOODBYES, goodbyes, ...AFTER_GOODBYES];
}

/** The longest that a shutdown can take. */
export function shutdownBudgetMs(drainTimeoutMs: number): number {
  return sum(shutdownSteps(drainTimeoutMs));
}

/** Takes all steps, in order. Resolves when the process can end. A step that fails is logged, and the next one begins. */
export async function shutDown(parts: GatewayParts): Promise<void> {
  const { config, listener, registry, log } = parts;
  log.info({ event: 'draining', connections: listener.size, sessions: registry.size }, 'draining');
  for (const { name, budgetMs, run } of shutdownSteps(config.drainTimeoutMs)) {
    const outcome = await within(budgetMs, async () => run(parts, budgetMs));
    if (outcome === 'over')
      log.warn({ event: 'stop_step_over', what: name, budget_ms: budgetMs }, 'a step took too long');
    else if (outcome !== 'done')
      log.error({ event: 'stop_step_failed', what: name, error: String(outcome.error) }, 'a step failed');
  }
  log.info({ event: 'stopped' }, 'stopped');
}

/** Resolves when the last client has left; those that stay longer than `ms` are cut. */
async function untilEmpty(listener: { readonly size: number; destroyAll(): void }, ms: number): Promise<void> {
  const untilMs = performance.now() + ms - POLL_MS;
  while (listener.size > 0 && performance.now() < untilMs) await setTimeout(POLL_MS);
  listener.destroyAll();
}

/** Waits for `work`, but not longer than `ms`. Does not reject. */
async function within(ms: number, work: () => Promise<unknown>): Promise<'done' | 'over' | { error: unknown }> {
  const cancel = new AbortController();
  const done = work().then(
    () => 'done' as const,
    (error: unknown) => ({ error }),
  );
  const over = setTimeout(ms, 'over' as const, { signal: cancel.signal }).catch(() => 'over' as const);
  const outcome = await Promise.race([done, over]);
  cancel.abort();
  return outcome;
}

function sum(steps: readonly ShutdownStep[]): number {
  return steps.reduce((total, { budgetMs }) => total + budgetMs, 0);
}
