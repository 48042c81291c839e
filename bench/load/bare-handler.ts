// The send-command handler without an HTTP server around it. Environment as the functions'. argv: token, commands per
// request, users, seconds. Prints requests and CPU time as key=value.
import type { APIGatewayProxyEventV2 } from 'aws-lambda';
import { createRuntime } from '../../functions/runtime/runtime.ts';
import { createHandler } from '../../functions/send-command/handler.ts';
import { userId } from '../support/redis.ts';

const [token = '', perRequest, users, seconds] = process.argv.slice(2);
const CONCURRENT = 64;
const content = `@${'x'.repeat(99)}`;
const runtime = await createRuntime(process.env);
const handler = createHandler(runtime);

function command() {
  return { command_id: 102, chat_to: [userId(Math.floor(Math.random() * Number(users)))], content };
}

function event(): APIGatewayProxyEventV2 {
  const many = Number(perRequest) > 1;
  const body = many ? { commands: Array.from({ length: Number(perRequest) }, command) } : command();
  const http = { method: 'POST', path: '/send-command', protocol: 'HTTP/1.1', sourceIp: '127.0.0.1', userAgent: '' };
  return {
    version: '2.0',
    routeKey: 'POST /send-command',
    rawPath: '/send-command',
    rawQueryString: '',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    requestContext: {
      accountId: 'local',
      apiId: 'local',
      domainName: 'localhost',
      domainPrefix: 'local',
      http,
      requestId: 'bench',
      routeKey: 'POST /send-command',
      stage: '$default',
      time: '',
      timeEpoch: 0,
    },
    body: JSON.stringify(body),
    isBase64Encoded: false,
  };
}

let done = 0;
let refused = 0;
let until = performance.now() + 500;
async function work(): Promise<void> {
  while (performance.now() < until) {
    const { statusCode } = await handler(event());
    if (statusCode === 200) done++;
    else refused++;
  }
}
// Half a second of warm-up, unmeasured.
await Promise.all(Array.from({ length: CONCURRENT }, work));
done = 0;
const startedAt = performance.now();
const cpu = process.cpuUsage();
until = startedAt + 1_000 * Number(seconds);
await Promise.all(Array.from({ length: CONCURRENT }, work));
const elapsed = (performance.now() - startedAt) / 1_000;
const { user, system } = process.cpuUsage(cpu);
const cpuPercent = (user + system) / elapsed / 10_000;
process.stdout.write(`requests/s=${(done / elapsed).toFixed(1)} cpu%=${cpuPercent.toFixed(1)} refused=${refused}\n`);
process.exit(0);
