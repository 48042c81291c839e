import {
  ApiMetricName,
  emfLine,
  emfLineOf,
  FUNCTION_DIMENSION,
  FunctionMetricName,
  VERSION_DIMENSION,
} from '../../contract/metrics.ts';

const PERIOD_MS = 60_000;

/**
 * Reports to CloudWatch by Embedded Metric Format: at most one line a minute of each process, because every line costs money
 * by its length, and one line per request would cost more than the request.
 */
export class RequestMetrics {
  readonly #deployment: string;
  readonly #write: (line: string) => void;
  readonly #now: () => number;
  readonly #version: Readonly<Record<string, string>> | undefined;
  #sums = nothing();
  #reportedAtMs = Number.NEGATIVE_INFINITY;

  /** `version`: the dimensions of this version of the function; undefined outside of Lambda. */
  constructor(
    deployment: string,
    write: (line: string) => void,
    now: () => number = Date.now,
    version?: Readonly<Record<string, string>>,
  ) {
    this.#deployment = deployment;
    this.#write = write;
    this.#now = now;
    this.#version = version;
  }

  /** Undefined where METRICS_DEPLOYMENT is not set. */
  static from(env: Readonly<Record<string, string | undefined>>): RequestMetrics | undefined {
    const deployment = env.METRICS_DEPLOYMENT;
    if (!deployment) return undefined;
    const { AWS_LAMBDA_FUNCTION_NAME: name, AWS_LAMBDA_FUNCTION_VERSION: version } = env;
    const dimensions = name && version ? { [FUNCTION_DIMENSION]: name, [VERSION_DIMENSION]: version } : undefined;
    return new RequestMetrics(deployment, (line) => void process.stdout.write(line), Date.now, dimensions);
  }

  count({ status, commands }: { status: number; commands: number }): void {
    const sums = this.#sums;
    sums[ApiMetricName.requests] += 1;
    sums[ApiMetricName.commands] += commands;
    if (status >= 400 && status < 500) sums[ApiMetricName.refusals] += 1;
    if (status === 503) sums[ApiMetricName.unavailable] += 1;
    const nowMs = this.#now();
    if (status >= 500) this.#reportFailure(status, nowMs);
    if (nowMs - this.#reportedAtMs < PERIOD_MS) return;
    this.#reportedAtMs = nowMs;
    this.#sums = nothing();
    const values = Object.entries(sums).map(([name, value]) => [name, { unit: 'Count' as const, value }]);
    this.#write(`${emfLine(this.#deployment, nowMs, Object.fromEntries(values))}\n`);
  }

  /** Not collected: a new version under a canary gets few requests, and its alarm must not wait for the next one. */
  #reportFailure(status: number, nowMs: number): void {
    if (this.#version === undefined) return;
    const name = status === 503 ? FunctionMetricName.unavailable : FunctionMetricName.failures;
    this.#write(`${emfLineOf(this.#version, nowMs, { [name]: { unit: 'Count', value: 1 } })}\n`);
  }
}

function nothing(): Record<ApiMetricName, number> {
  return { ApiRequests: 0, ApiRefusals: 0, ApiStoreUnavailable: 0, ApiCommands: 0 };
}
