import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { AwsFailure, aws, type DeployedStack, readStack } from '../../cli/support/aws.ts';

const GONE_MS = 60 * 60_000;
const POLL_MS = 15_000;

/** Deletes a stack that was deployed with `dataPolicy: 'destroy'`: it must end by itself, and leave nothing. */
export async function teardown(
  { name, region }: Pick<DeployedStack, 'name' | 'region'>,
  pollMs = POLL_MS,
): Promise<string> {
  const startedAtMs = performance.now();
  await aws(z.unknown(), ['cloudformation', 'delete-stack', '--stack-name', name], region);
  for (;;) {
    const status = await readStack(name, region).then(
      (stack) => stack.status,
      (error: unknown) => {
        if (error instanceof AwsFailure && error.code === 'ValidationError') return 'gone';
        throw error;
      },
    );
    const passedMs = performance.now() - startedAtMs;
    if (status === 'gone') return `gone after ${Math.round(passedMs / 60_000)} minutes`;
    if (status === 'DELETE_FAILED' || passedMs > GONE_MS) throw new Error(`${name} is ${status}`);
    await delay(pollMs);
  }
}
