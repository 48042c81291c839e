// A stand-in for Lambda in a process of its own: takes an invocation after as long as the real one takes, and keeps count.
// argv: ms per invocation. GET /report?from=MS&to=MS reports the invocations in that window of the monotonic clock.
import { createServer } from 'node:http';
import { isWithin, nowMs, Times } from './times.ts';

const tookMs = Number(process.argv[2] ?? '0');
const invocations: number[] = [];
/** Items: from when they were due at the device to here. */
const items = new Times();

interface Sent {
  body: { dueMs: number };
}

const server = createServer((request, response) => {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost');
  if (pathname === '/report') {
    const window = { from: Number(searchParams.get('from')), to: Number(searchParams.get('to')) };
    const taken = invocations.filter((at) => isWithin(at, window)).length;
    return response.end(JSON.stringify({ invocations: taken, ...items.within(window) }));
  }
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const event = JSON.parse(Buffer.concat(chunks).toString()) as { items?: Sent[]; item?: Sent };
    const at = nowMs();
    invocations.push(at);
    for (const { body } of event.items ?? (event.item ? [event.item] : [])) items.add(at, at - body.dueMs);
    const isAsync = request.headers['x-amz-invocation-type'] === 'Event';
    setTimeout(() => response.writeHead(isAsync ? 202 : 200).end(isAsync ? '' : '{"reply":{}}'), tookMs);
  });
  return undefined;
});
server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  process.stdout.write(`listens on ${typeof address === 'object' ? address?.port : ''}\n`);
});
