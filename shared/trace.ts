import type { SpanContext, SpanKind } from '@opentelemetry/api';

/** The names of spans, from the request to the acknowledgement: each is the child of the one above. */
export const SpanName = {
  /** The span of the HTTP function; its parent is that of the caller, if there is one. */
  request: 'request',
  /** The route script. The spans of the message's delivery are its siblings, under the same request. */
  route: 'route',
  /** Of a call that waits: from routed to the step, or to the end of its time. */
  wait: 'wait',
  /** From accepted by Redis to handed to the sessions of a gateway, through its inbox. */
  inbox: 'inbox',
  /** The same through the user's mailbox. */
  mailbox: 'mailbox',
  /** From handed to the session to handed to the kernel. */
  write: 'write',
  /** From written to acknowledged by the client. */
  acknowledge: 'acknowledge',
  /** From written to replied by the client, of a message that asks. */
  reply: 'reply',
} as const;

export type SpanName = (typeof SpanName)[keyof typeof SpanName];

type Attributes = Readonly<Record<string, string | number | boolean>>;

interface SpanStart {
  /** W3C traceparent of the parent; without a well-formed one a new trace begins. */
  readonly parent?: string | undefined;
  readonly kind?: 'server' | 'client' | 'consumer' | 'internal';
  /** Unix ms; default: now. */
  readonly atMs?: number;
  readonly attributes?: Attributes;
}

export interface Span {
  /** To pass to the next part of the trace. */
  readonly traceparent: string;
  end(attributes?: Attributes): void;
}

export interface Traces {
  start(name: SpanName, start: SpanStart): Span;
  /** Resolves when everything that has ended so far was sent, or could not be. Does not reject. */
  flush(): Promise<void>;
  stop(): Promise<void>;
}

interface TraceSettings {
  readonly service: string;
  /** OTEL_EXPORTER_OTLP_ENDPOINT: spans go to `<endpoint>/v1/traces` as OTLP/HTTP JSON. */
  readonly endpoint: string;
  readonly timeoutMs: number;
}

/** Names of span attributes are those of log fields, prefixed with the project's name. */
const ATTRIBUTE_PREFIX = 'fronttcp.';
const TRACEPARENT = /^00-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})$/;

/** Loads OpenTelemetry on demand: without tracing it costs nothing. */
export async function startTraces({ service, endpoint, timeoutMs }: TraceSettings): Promise<Traces> {
  const [api, { resourceFromAttributes }, sdk, { OTLPTraceExporter }] = await Promise.all([
    import('@opentelemetry/api'),
    import('@opentelemetry/resources'),
    import('@opentelemetry/sdk-trace-base'),
    import('@opentelemetry/exporter-trace-otlp-http'),
  ]);
  const exporter = new OTLPTraceExporter({
    url: `${endpoint.replace(/\/+$/, '')}/v1/traces`,
    timeoutMillis: timeoutMs,
  });
  const processor = new sdk.BatchSpanProcessor(exporter, { scheduledDelayMillis: 1_000 });
  const provider = new sdk.BasicTracerProvider({
    resource: resourceFromAttributes({ 'service.name': service }),
    spanProcessors: [processor],
  });
  const tracer = provider.getTracer('fronttcp');
  const kinds: Record<NonNullable<SpanStart['kind']>, SpanKind> = {
    server: api.SpanKind.SERVER,
    client: api.SpanKind.CLIENT,
    consumer: api.SpanKind.CONSUMER,
    internal: api.SpanKind.INTERNAL,
  };
  return {
    start(name, { parent, kind = 'internal', atMs, attributes = {} }) {
      const parentContext = contextOf(parent);
      const context = parentContext ? api.trace.setSpanContext(api.ROOT_CONTEXT, parentContext) : api.ROOT_CONTEXT;
      const options = { kind: kinds[kind], attributes: named(attributes) };
      const span = tracer.startSpan(name, atMs === undefined ? options : { ...options, startTime: atMs }, context);
      return {
        traceparent: traceparentOf(span.spanContext()),
        end(more = {}) {
          span.setAttributes(named(more));
          span.end();
        },
      };
    },
    // While the collector is unreachable, spans are lost and the work goes on.
    flush: () => provider.forceFlush().catch(() => undefined),
    stop: () => provider.shutdown().catch(() => undefined),
  };
}

function contextOf(traceparent: string | undefined): SpanContext | undefined {
  const [, traceId, spanId, flags] = TRACEPARENT.exec(traceparent ?? '') ?? [];
  if (traceId === undefined || spanId === undefined || /^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined;
  return { traceId, spanId, traceFlags: Number.parseInt(flags ?? '00', 16), isRemote: true };
}

function traceparentOf({ traceId, spanId, traceFlags }: SpanContext): string {
  return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`;
}

function named(attributes: Attributes): Record<string, string | number | boolean> {
  return Object.fromEntries(Object.entries(attributes).map(([name, value]) => [`${ATTRIBUTE_PREFIX}${name}`, value]));
}
