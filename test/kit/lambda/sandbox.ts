import { join } from 'node:path';
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from 'aws-lambda';
import { startProcess } from '../process.ts';
import { RuntimeApi } from './runtime-api.ts';
import { type ClientKind, runtimeClient } from './runtime-client.ts';
import { SESSION_TOKEN } from './secrets-extension.ts';

const TRANSPORT = new URL('./transport.ts', import.meta.url).href;

export interface Sandbox {
  /** One event through the function. Rejects with what the runtime client reports. */
  invoke(event: unknown): Promise<unknown>;
  /** The same for what comes from API Gateway. */
  request(event: APIGatewayProxyEventV2): Promise<APIGatewayProxyStructuredResultV2>;
  output(): string;
  stop(): Promise<void>;
}

/** The bundle as Lambda runs it: Amazon's client, the asset's folder, only the environment of a deployment. */
export async function startSandbox(
  bundle: string,
  environment: Readonly<Record<string, string>>,
  client: ClientKind = 'plain',
): Promise<Sandbox> {
  const api = new RuntimeApi();
  await api.start();
  const transport = client === 'plain' ? ['--import', TRANSPORT] : [];
  const args = [...transport, await runtimeClient(client), 'index.handler'];
  const program = startProcess(process.execPath, args, {
    cwd: bundle,
    env: {
      ...withoutOurs(process.env),
      ...environment,
      _HANDLER: 'index.handler',
      AWS_LAMBDA_RUNTIME_API: api.address,
      AWS_LAMBDA_FUNCTION_NAME: 'under-test',
      AWS_LAMBDA_FUNCTION_VERSION: '1',
      AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '512',
      AWS_LAMBDA_LOG_GROUP_NAME: 'logs',
      AWS_LAMBDA_LOG_STREAM_NAME: 'stream',
      AWS_LAMBDA_LOG_FORMAT: 'JSON',
      AWS_REGION: 'us-east-1',
      AWS_SESSION_TOKEN: SESSION_TOKEN,
      LAMBDA_TASK_ROOT: join(bundle),
    },
  });
  const invoke = async (event: unknown): Promise<unknown> => {
    const outcome = await Promise.race([api.invoke(event), program.exit.then(() => ({ error: program.output() }))]);
    if ('error' in outcome) throw new Error(`the function failed: ${JSON.stringify(outcome.error)}`);
    return outcome.answer;
  };
  return {
    output: program.output,
    invoke,
    request: async (event) => (await invoke(event)) as APIGatewayProxyStructuredResultV2,
    stop: async () => {
      await program.stop('SIGKILL');
      await api.stop();
    },
  };
}

/** A function must not live on what the machine of the tests happens to have set. */
function withoutOurs(env: NodeJS.ProcessEnv): Record<string, undefined> {
  const names = Object.keys(env).filter((name) => /^(REDIS|UPSTASH|LOG)_|^NODE_OPTIONS$|^VITEST/.test(name));
  return Object.fromEntries(names.map((name) => [name, undefined]));
}

/** A request as API Gateway hands it over, payload format 2.0. */
export function post(path: string, body: object, token?: string): APIGatewayProxyEventV2 {
  return {
    version: '2.0',
    routeKey: `POST ${path}`,
    rawPath: path,
    rawQueryString: '',
    headers: {
      'content-type': 'application/json',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    },
    requestContext: {
      accountId: '111111111111',
      apiId: 'api',
      domainName: 'api.execute-api.us-east-1.amazonaws.com',
      domainPrefix: 'api',
      http: { method: 'POST', path, protocol: 'HTTP/1.1', sourceIp: '203.0.113.7', userAgent: 'test' },
      requestId: 'request-of-the-test',
      routeKey: `POST ${path}`,
      stage: '$default',
      time: '22/Nov/2026:12:00:00 +0000',
      timeEpoch: 1_795_348_800_000,
    },
    body: JSON.stringify(body),
    isBase64Encoded: false,
  };
}
