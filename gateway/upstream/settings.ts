import { z } from 'zod';
import {
  COMMAND_IDS_FORM,
  DEFAULT_EVENT_IDS,
  DEFAULT_REQUEST_IDS,
  parseCommandIds,
} from '../../contract/wire/command-id-ranges.ts';
import { APPLICATION_UP } from '../../contract/wire/command-ids.ts';
import { MAX_USER_ID_LENGTH } from '../../contract/wire/commands.ts';
import { type Refuse, whole } from '../../shared/settings.ts';

/** What becomes of an application command. */
export const Mode = { refused: 0, event: 1, request: 2 } as const;
export type Mode = (typeof Mode)[keyof typeof Mode];

const COUNT = APPLICATION_UP.last - APPLICATION_UP.first + 1;
const NONE = 'none';
/** A name or an ARN, each with or without `:alias` or `:version`. */
const FUNCTION = /^(arn:[a-z-]+:lambda:[a-z0-9-]+:\d{12}:function:)?[A-Za-z0-9_-]{1,140}(:[A-Za-z0-9$_-]{1,128})?$/;

const functionName = z.string().regex(FUNCTION, 'must be the name or the ARN of a function, with or without :alias');

/** Returns the ids. */
const commandIds = z.string().transform((text, context) => {
  const ids = parseCommandIds(text);
  if (ids === undefined) context.addIssue({ code: 'custom', message: COMMAND_IDS_FORM });
  return ids ?? new Set<number>();
});

/** The variables of this part. */
export const upstreamVariables = {
  /** Takes what devices send. Unset: application commands are refused. */
  UPSTREAM_FUNCTION: functionName.optional(),
  /** Gathered into asynchronous invocations. */
  UPSTREAM_EVENTS: commandIds.prefault(DEFAULT_EVENT_IDS),
  /** Each invoked synchronously, with a reply. */
  UPSTREAM_REQUESTS: commandIds.prefault(DEFAULT_REQUEST_IDS),
  /** Gets an event when a session begins and when it ends; `none`: no function does. */
  UPSTREAM_LIFECYCLE_FUNCTION: z.union([z.literal(NONE), functionName]).optional(),
  /** From the frame to its reply; also the longest that one asynchronous invocation may take to be accepted. */
  UPSTREAM_TIMEOUT_MS: whole(10_000, 100, 900_000),
  /** Requests that the function works on at a time, for this gateway. */
  UPSTREAM_MAX_IN_FLIGHT: whole(100, 1, 10_000),
  /** Requests that wait for that, beside those in flight. */
  UPSTREAM_MAX_WAITING: whole(1_000, 0, 1_000_000),
  /** How often one invocation is tried before its failure counts; the waits between grow, at random. */
  UPSTREAM_MAX_ATTEMPTS: whole(4, 1, 20),
  /** How long the first item of a batch waits for others. */
  UPSTREAM_BATCH_MS: whole(50, 0, 10_000),
  /** Items that Redis holds for the function, for all gateways together. */
  UPSTREAM_SPOOL_MAX: whole(100_000, 1),
  UPSTREAM_SPOOL_MAX_BYTES: whole(67_108_864, 1_048_576),
  /** `chat_from` of chat messages that the function sends. */
  UPSTREAM_FROM: z.string().min(1).max(MAX_USER_ID_LENGTH).default('upstream'),
  AWS_REGION: z.string().optional(),
  AWS_DEFAULT_REGION: z.string().optional(),
};

type Variables = z.output<z.ZodObject<typeof upstreamVariables>>;

/** What contradicts itself, and what the SDK would only say at the first call. */
export function checkUpstream(env: Variables, refuse: Refuse): void {
  const both = [...env.UPSTREAM_EVENTS].find((id) => env.UPSTREAM_REQUESTS.has(id));
  if (both !== undefined) refuse('UPSTREAM_REQUESTS', `has ${both}, which is in UPSTREAM_EVENTS too`);
  const names = ['UPSTREAM_FUNCTION', 'UPSTREAM_LIFECYCLE_FUNCTION'] as const;
  const regions = new Set<string>();
  for (const name of names) {
    const value = env[name];
    if (value === undefined || value === NONE) continue;
    const region = regionOf(value, env);
    if (region === undefined) refuse(name, 'is a name without a region: set AWS_REGION, or give the ARN');
    else regions.add(region);
  }
  if (regions.size > 1) refuse('UPSTREAM_LIFECYCLE_FUNCTION', 'is in another region than UPSTREAM_FUNCTION');
}

function regionOf(functionName: string, env: Variables): string | undefined {
  return /^arn:[^:]+:lambda:([^:]+):/.exec(functionName)?.[1] ?? env.AWS_REGION ?? env.AWS_DEFAULT_REGION;
}

/** Undefined when no function is named. */
export function upstreamSettings(env: Variables) {
  const functionName = env.UPSTREAM_FUNCTION;
  const lifecycle = env.UPSTREAM_LIFECYCLE_FUNCTION ?? functionName;
  const lifecycleFunction = lifecycle === NONE ? undefined : lifecycle;
  const any = functionName ?? lifecycleFunction;
  if (any === undefined) return undefined;
  return {
    functionName,
    lifecycleFunction,
    region: regionOf(any, env),
    /** By `command_id - 1000`. */
    modes: functionName === undefined ? new Uint8Array(COUNT) : modesOf(env.UPSTREAM_EVENTS, env.UPSTREAM_REQUESTS),
    timeoutMs: env.UPSTREAM_TIMEOUT_MS,
    maxInFlight: env.UPSTREAM_MAX_IN_FLIGHT,
    maxWaiting: env.UPSTREAM_MAX_WAITING,
    maxAttempts: env.UPSTREAM_MAX_ATTEMPTS,
    batchMs: env.UPSTREAM_BATCH_MS,
    spool: { maxItems: env.UPSTREAM_SPOOL_MAX, maxBytes: env.UPSTREAM_SPOOL_MAX_BYTES },
    from: env.UPSTREAM_FROM,
  };
}

export type UpstreamSettings = NonNullable<ReturnType<typeof upstreamSettings>>;

function modesOf(events: Set<number>, requests: Set<number>): Uint8Array {
  const modes = new Uint8Array(COUNT);
  for (const id of events) modes[id - APPLICATION_UP.first] = Mode.event;
  for (const id of requests) modes[id - APPLICATION_UP.first] = Mode.request;
  return modes;
}

export function modeOf(settings: UpstreamSettings, commandId: number): Mode {
  return (settings.modes[commandId - APPLICATION_UP.first] ?? Mode.refused) as Mode;
}
