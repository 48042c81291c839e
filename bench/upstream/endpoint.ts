// A stand-in for Lambda in a process of its own: takes an invocation after as long as the real one takes, and keeps count.
// usage: node bench/upstream/endpoint.ts <ms per invocation>      GET /report says what came since the last POST /reset
import { createServer } from 'node:http';

export interface EndpointReport {
  invocations: number;
  items: number;
  /** From the device's write to the function, ms. */
  p50: number;
  p99: number;
}

const tookMs = Number(process.argv[2] ?? '0');
let invocations = 0;
let latencies: number[] = [];

const now = (): number => performance.timeOrigin + performance.now();

/** Of lifecycle events there is none to be timed. */
interface Sent {
  body?: { t: number };
}

const server = createServer((request, response) => {
  if (request.url === '/report') return response.end(JSON.stringify(report()));
  if (request.url === '/reset') {
    invocations = 0;
    latencies = [];
    return response.end('{}');
  }
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const event = JSON.parse(Buffer.concat(chunks).toString()) as { items?: Sent[]; item?: Sent };
    const at = now();
    invocations += 1;
    for (const { body } of event.items ?? (event.item ? [event.item] : [])) if (body) latencies.push(at - body.t);
    const isAsync = request.headers['x-amz-invocation-type'] === 'Event';
    setTimeout(() => response.writeHead(isAsync ? 202 : 200).end(isAsync ? '' : '{"reply":{}}'), tookMs);
  });
  return undefined;
});
server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  console.log(`listens on ${typeof address === 'object' ? address?.port : ''}`);
});

function report(): EndpointReport {
  const sorted = latencies.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  return { invocations, items: sorted.length, p50: at(0.5), p99: at(0.99) };
}
