import { type Span, SpanName, startTraces, type Traces } from '../../shared/trace.ts';

/** Spans are sent before the response, while the sandbox still runs: an unreachable collector may delay a request by this much. */
const EXPORT_TIMEOUT_MS = 1_000;

let started: Promise<Traces> | undefined;

export interface RequestTrace {
  /** The span of the request itself: the parent of the gateways' spans. */
  readonly traceparent: string;
  /** `work` as a span below the request's. */
  step<T>(name: SpanName, work: () => Promise<T>): Promise<T>;
  /** Resolves when the spans were sent, where nothing runs after the response. */
  end(attributes: Readonly<Record<string, string | number | boolean>>): Promise<void>;
}

/** `parent`: the header of the request. */
type StartRequestTrace = (parent: string | undefined, route: string) => Promise<RequestTrace>;

/** Where OTEL_EXPORTER_OTLP_ENDPOINT is set; undefined: nothing is loaded, at no cost. */
export function requestTraces(env: Readonly<Record<string, string | undefined>>): StartRequestTrace | undefined {
  const endpoint = env.OTEL_EXPORTER_OTLP_ENDPOINT;
  if (!endpoint) return undefined;
  return async (parent, route) => {
    started ??= startTraces({ service: 'fronttcp-api', endpoint, timeoutMs: EXPORT_TIMEOUT_MS });
    return startRequestTrace(await started, parent, route);
  };
}

function startRequestTrace(all: Traces, parent: string | undefined, route: string): RequestTrace {
  const span: Span = all.start(SpanName.request, { parent, kind: 'server', attributes: { route } });
  return {
    traceparent: span.traceparent,
    async step(name, work) {
      const part = all.start(name, { parent: span.traceparent, kind: 'client' });
      try {
        return await work();
      } finally {
        part.end();
      }
    },
    async end(attributes) {
      span.end(attributes);
      if (process.env.AWS_LAMBDA_FUNCTION_NAME !== undefined) await all.flush();
    },
  };
}
