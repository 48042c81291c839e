import { onTestFinished } from 'vitest';
import type { LifecycleItem, UpstreamEvent, UpstreamItem, UpstreamRequest } from '../../../contract/upstream.ts';
import type { FaultScript } from '../../../local/upstream/faults.ts';
import { errorOutcome } from '../../../local/upstream/invocation.ts';
import { startInvokeApi } from '../../../local/upstream/invoke-api.ts';
import { startTestGateway, type TestGateway } from '../../kit/gateway.ts';

/** Settings of these tests' gateways beside the endpoint. */
export const AWS_ENV = {
  AWS_REGION: 'us-east-1',
  AWS_ACCESS_KEY_ID: 'local',
  AWS_SECRET_ACCESS_KEY: 'local',
};

export interface TestFunction {
  readonly url: string;
  /** Every event that the function was given, in order. */
  readonly events: UpstreamEvent[];
  /** The items of all batches, in order. */
  readonly items: UpstreamItem[];
  readonly lifecycle: LifecycleItem[];
  readonly requests: UpstreamRequest[];
  /** Invocations that reached the endpoint, refused ones too. */
  invocations: number;
  /** What goes wrong, for now. */
  fault: FaultScript | undefined;
  /** What the function answers a request; what it throws is a function error. */
  answer: (event: UpstreamRequest) => unknown;
  close(): Promise<void>;
}

/** A function behind the local Invoke API, on a port of its own; it remembers what it was given. */
export async function testFunction(port = 0): Promise<TestFunction> {
  const fn: Omit<TestFunction, 'url' | 'close'> = {
    events: [],
    items: [],
    lifecycle: [],
    requests: [],
    invocations: 0,
    fault: undefined,
    answer: () => ({ reply: { ok: true } }),
  };
  const api = await startInvokeApi({
    port,
    functions: {
      devices: async ({ payload }) => {
        const event = JSON.parse(payload) as UpstreamEvent;
        fn.events.push(event);
        if (event.kind === 'items') fn.items.push(...event.items);
        if (event.kind === 'lifecycle') fn.lifecycle.push(...event.items);
        if (event.kind !== 'request') return { kind: 'answer', payload: 'null' };
        fn.requests.push(event);
        try {
          return { kind: 'answer', payload: JSON.stringify((await fn.answer(event)) ?? null) };
        } catch (error) {
          return errorOutcome('Error', (error as Error).message);
        }
      },
    },
    say: () => undefined,
    faults: (invocation, type) => {
      fn.invocations += 1;
      return fn.fault?.(invocation, type);
    },
  });
  const made = Object.assign(fn, { url: api.url, close: () => api.close() });
  onTestFinished(() => api.close());
  return made;
}

/** A gateway in this process whose function it is; the SDK reads its endpoint from the environment when it is made. */
export async function upstreamGateway(
  fn: Pick<TestFunction, 'url'>,
  env: NodeJS.ProcessEnv = {},
  prefix?: string,
): Promise<TestGateway> {
  Object.assign(process.env, AWS_ENV, { AWS_ENDPOINT_URL_LAMBDA: fn.url });
  const settings = { ...AWS_ENV, UPSTREAM_FUNCTION: 'devices', ...env };
  const gateway = await startTestGateway(settings, prefix === undefined ? {} : { prefix });
  onTestFinished(() => gateway.stop());
  return gateway;
}

/** `user/epoch/seq` of items, without those that came twice, in the order of their first coming. */
export function distinct(items: readonly UpstreamItem[]): string[] {
  return [...new Set(items.map(({ user, epoch, seq }) => `${user}/${epoch}/${seq}`))];
}

/** The values of `n` that one user's items carry, in the order of their first coming. */
export function numbersOf(items: readonly UpstreamItem[], user: string): number[] {
  const numbers = items.filter((item) => item.user === user).map(({ body }) => (body as { n: number }).n);
  return [...new Set(numbers)];
}

export const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i + 1);
