import { execFile } from 'node:child_process';
import { z } from 'zod';
import { ExitCode, Failure, type FailureCode } from './failure.ts';

const TIMEOUT_MS = 30_000;
const MAX_OUTPUT_BYTES = 16 * 1024 * 1024;
const INSTALL = 'Install it: https://docs.aws.amazon.com/cli/latest/userguide/getting-started-install.html';

/** An error of the AWS command line; `code` is the error code of AWS, such as `NoSuchEntity`. */
export class AwsFailure extends Failure {
  override name = 'AwsFailure';
  readonly code: string | undefined;

  constructor(exitCode: FailureCode, message: string, nextStep: string, code?: string) {
    super(exitCode, message, nextStep);
    this.code = code;
  }
}

/**
 * Runs the AWS command line, which has the user's profile, region and single sign-on already, and returns its JSON in the
 * form of `schema`. No part of the AWS SDK is needed for it.
 */
export async function aws<T>(schema: z.ZodType<T>, args: readonly string[], region?: string): Promise<T> {
  const all = [...args, '--output', 'json', ...(region === undefined ? [] : ['--region', region])];
  const { error, stdout, stderr } = await run(all);
  if (error) throw failureOf(error, stderr, args);
  const parsed = schema.safeParse(JSON.parse(stdout || '{}'));
  if (parsed.success) return parsed.data;
  throw new AwsFailure(
    ExitCode.failed,
    `aws ${args.slice(0, 2).join(' ')} printed something else than expected`,
    'Bring the AWS command line up to date.',
  );
}

interface Outcome {
  error: NodeJS.ErrnoException | null;
  stdout: string;
  stderr: string;
}

function run(args: readonly string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    const options = { timeout: TIMEOUT_MS, maxBuffer: MAX_OUTPUT_BYTES, env: { ...process.env, AWS_PAGER: '' } };
    execFile('aws', [...args], options, (error, stdout, stderr) =>
      resolve({ error: error as NodeJS.ErrnoException | null, stdout, stderr }),
    );
  });
}

function failureOf(error: NodeJS.ErrnoException, stderr: string, args: readonly string[]): AwsFailure {
  if (error.code === 'ENOENT') {
    return new AwsFailure(ExitCode.usage, 'the AWS command line (aws) is not installed', INSTALL);
  }
  const reason = stderr.trim().split('\n').at(-1) || error.message;
  const code = /An error occurred \((\w+)\)/.exec(stderr)?.[1];
  return new AwsFailure(
    ExitCode.failed,
    `aws ${args.slice(0, 2).join(' ')}: ${reason}`,
    'Check the credentials: aws sts get-caller-identity',
    code,
  );
}

const stacks = z.object({
  Stacks: z
    .array(
      z.object({
        StackId: z.string(),
        StackStatus: z.string(),
        Outputs: z.array(z.object({ OutputKey: z.string(), OutputValue: z.string() })).default([]),
      }),
    )
    .min(1),
});

export interface DeployedStack {
  readonly name: string;
  readonly region: string;
  readonly status: string;
  readonly outputs: ReadonlyMap<string, string>;
}

/** The stack of a deployment, with its outputs. Fails when there is none. Without a region: the one of the AWS command line. */
export async function readStack(name: string, region?: string): Promise<DeployedStack> {
  const { Stacks } = await aws(stacks, ['cloudformation', 'describe-stacks', '--stack-name', name], region);
  const [stack] = Stacks;
  if (stack === undefined)
    throw new AwsFailure(ExitCode.failed, `there is no stack ${name}`, 'Deploy it: npx cdk deploy');
  return {
    name,
    // arn:aws:cloudformation:<region>:<account>:stack/…
    region: stack.StackId.split(':')[3] ?? '',
    status: stack.StackStatus,
    outputs: new Map(stack.Outputs.map(({ OutputKey, OutputValue }) => [OutputKey, OutputValue])),
  };
}

export function outputOf({ name, outputs }: DeployedStack, key: string): string {
  const value = outputs.get(key);
  if (value !== undefined) return value;
  throw new AwsFailure(ExitCode.failed, `the stack ${name} has no output ${key}`, 'Is it a stack of fronttcp?');
}
