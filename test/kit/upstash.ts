import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { Redis } from 'ioredis';
import { reservePort } from './ports.ts';
import { commandSchema, commandsSchema, type Encode, runCommand, runTransaction } from './upstash-commands.ts';
import { asBase64, asText } from './upstash-replies.ts';

interface UpstashOptions {
  /** The Redis that stands behind it. */
  readonly redisUrl: string;
  /** Default: a free one. */
  readonly port?: number;
}

/** Upstash's REST protocol over a real Redis: what a function sees when it is deployed with an Upstash database. */
export interface TestUpstash {
  /** For UPSTASH_REDIS_REST_URL. */
  readonly url: string;
  /** For UPSTASH_REDIS_REST_TOKEN. */
  readonly token: string;
  /** From now on only this token is good. */
  rotate(token: string): void;
  /** How many HTTP requests came so far: each is a round trip that its user pays for. */
  readonly requests: number;
  /** Refuses connections from now on. */
  stop(): Promise<void>;
  /** Listens again on the same port. */
  start(): Promise<void>;
}

export async function startTestUpstash(options: UpstashOptions): Promise<TestUpstash> {
  let token = 'token-of-the-test';
  const port = options.port ?? (await reservePort());
  const redis = new Redis(options.redisUrl, {
    // The service answers with an error while its store is away; it does not queue.
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    retryStrategy: () => 50,
  });
  redis.on('error', () => undefined);
  await once(redis, 'ready');
  let requests = 0;
  const server = createServer((request, response) => {
    requests++;
    answer(redis, token, request)
      .then(({ status, body }) => send(response, status, body))
      .catch((error: unknown) => send(response, 500, { error: String(error) }));
  });
  const start = async (): Promise<void> => {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    if (redis.status === 'end') await redis.connect();
  };
  await start();
  return {
    url: `http://127.0.0.1:${port}`,
    get token() {
      return token;
    },
    rotate: (next) => {
      token = next;
    },
    get requests() {
      return requests;
    },
    start,
    stop: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
      const ended = redis.status === 'ready' ? once(redis, 'end') : undefined;
      redis.disconnect();
      await ended;
    },
  };
}

async function answer(redis: Redis, token: string, request: IncomingMessage): Promise<Answer> {
  if (request.headers.authorization !== `Bearer ${token}`) {
    return { status: 401, body: { error: 'WRONGPASS invalid or missing auth token' } };
  }
  const encode: Encode = request.headers['upstash-encoding'] === 'base64' ? asBase64 : asText;
  const json = await readJson(request);
  switch (request.url) {
    case '/': {
      const command = commandSchema.safeParse(json);
      if (!command.success) return malformed;
      const item = await runCommand(redis, command.data, encode);
      return { status: 'error' in item ? 400 : 200, body: item };
    }
    case '/pipeline': {
      const commands = commandsSchema.safeParse(json);
      if (!commands.success) return malformed;
      // Written in order on one connection, so done in order; not a transaction.
      return {
        status: 200,
        body: await Promise.all(commands.data.map((command) => runCommand(redis, command, encode))),
      };
    }
    case '/multi-exec': {
      const commands = commandsSchema.safeParse(json);
      if (!commands.success) return malformed;
      return runTransaction(redis, commands.data, encode);
    }
    default:
      return { status: 404, body: { error: `ERR no such path ${request.url}` } };
  }
}

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

const malformed: Answer = { status: 400, body: { error: 'ERR failed to parse command' } };

/** undefined for what is not JSON. */
async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  try {
    return JSON.parse(Buffer.concat(chunks).toString());
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
