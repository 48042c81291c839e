import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  InvokeCommand,
  LambdaClient,
  RequestTooLargeException,
  ResourceNotFoundException,
  TooManyRequestsException,
} from '@aws-sdk/client-lambda';
import { describe, expect, it, onTestFinished } from 'vitest';
import { THROTTLED } from '../../local/upstream/faults.ts';
import { startInvokeApi } from '../../local/upstream/invoke-api.ts';
import { startLocalUpstream } from '../../local/upstream/upstream.ts';
import { connect } from '../../sdk/client/connect.ts';
import { RefusedError } from '../../sdk/client/errors.ts';
import { reservePort } from '../kit/ports.ts';
import { repository, startProcess, startProgram } from '../kit/process.ts';
import { sharedRedisUrl, uniquePrefix } from '../kit/redis.ts';
import { until } from '../kit/until.ts';
import { upstreamGateway } from './support/test-function.ts';

function sdk(url: string): LambdaClient {
  const client = new LambdaClient({
    endpoint: url,
    region: 'us-east-1',
    credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
    maxAttempts: 1,
  });
  onTestFinished(() => client.destroy());
  return client;
}

async function moduleFile(text: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'fronttcp-upstream-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const file = join(folder, 'handler.ts');
  await writeFile(file, text);
  return file;
}

const answering = (word: string) =>
  `export const handler = async (event: { ask?: string }): Promise<object> => {
     if (event.ask === 'fail') throw new TypeError('it failed');
     if (event.ask === 'exit') process.exit(3);
     return { word: '${word}', event };
   };`;

async function local(file: string): Promise<{ ask: (payload: unknown) => Promise<unknown>; said: string[] }> {
  const said: string[] = [];
  const upstream = await startLocalUpstream(file, (line) => said.push(line));
  onTestFinished(() => upstream.stop());
  const client = sdk(upstream.url);
  const ask = async (payload: unknown) => {
    const output = await client.send(
      new InvokeCommand({ FunctionName: 'upstream', Payload: Buffer.from(JSON.stringify(payload)) }),
    );
    const answer = JSON.parse(output.Payload?.transformToString() ?? 'null') as unknown;
    return output.FunctionError === undefined ? answer : { failed: output.FunctionError, answer };
  };
  return { ask, said };
}

describe('the function on this machine', () => {
  it('is called with the event, and its errors look like Lambda’s', async () => {
    const { ask } = await local(await moduleFile(answering('one')));
    expect(await ask({ a: 1 })).toEqual({ word: 'one', event: { a: 1 } });
    expect(await ask({ ask: 'fail' })).toEqual({
      failed: 'Unhandled',
      answer: { errorType: 'TypeError', errorMessage: 'it failed', trace: expect.any(Array) },
    });
  });

  it('runs as docs/upstream.md shows it, wherever it was copied to: the helper need not be installed', async () => {
    const page = await readFile(join(repository, 'docs/upstream.md'), 'utf8');
    const shown = /```ts\n(import \{ createHandler.*?)```/s.exec(page)?.[1] ?? '';
    expect(shown).toContain("from 'fronttcp/upstream'");
    const { ask } = await local(await moduleFile(shown));
    const item = { user: 'device-1', epoch: 1, seq: 1, at: 0, command_id: 1500, version: 1, body: { sensor: 'hall' } };
    const request = { fronttcp: 1, kind: 'request', deadline: Date.now() + 10_000, item };
    expect(await ask(request)).toEqual({ reply: { celsius: null } });
  });

  it('is loaded again when its file changes, and stays when that does not load', async () => {
    const file = await moduleFile(answering('one'));
    const { ask, said } = await local(file);
    await writeFile(file, answering('two'));
    await until('it says so', () => said.some((line) => line.includes('was loaded again')));
    expect(await ask({})).toMatchObject({ word: 'two' });
    await writeFile(file, 'export const handler = ;');
    await until('it says so', () => said.some((line) => line.includes('does not load, the one before goes on')));
    expect(await ask({})).toMatchObject({ word: 'two' });
    await writeFile(file, answering('three'));
    await until('it is the new one', async () => ((await ask({})) as { word: string }).word === 'three');
    await writeFile(file, 'export const handler = ;');
    await until('it says so', () => said.at(-1)?.includes('goes on') === true);
    await ask({ ask: 'exit' });
    // The one before has ended: it does not go on.
    await until('it says so', () => / does not load: /.test(said.at(-1) ?? ''));
  });

  it('is started again when its process ends', async () => {
    const { ask, said } = await local(await moduleFile(answering('one')));
    expect(await ask({ ask: 'exit' })).toMatchObject({
      failed: 'Unhandled',
      answer: { errorType: 'Runtime.ExitError' },
    });
    await until('it is back', async () => ((await ask({})) as { word?: string }).word === 'one');
    expect(said.join('\n')).toMatch(/ended \(exit code 3\); started again/);
  });

  it('that does not load stops the start, with the reason', async () => {
    const none = await moduleFile('export const other = 1;');
    await expect(startLocalUpstream(none, () => undefined)).rejects.toThrow('exports no function named handler');
  });
});

describe('the Invoke API on this machine', () => {
  it('has Lambda’s bounds and refusals, as the SDK knows them', async () => {
    let isThrottled = false;
    const api = await startInvokeApi({
      functions: { f: async () => ({ kind: 'answer', payload: '{}' }) },
      say: () => undefined,
      faults: () => (isThrottled ? THROTTLED : undefined),
    });
    onTestFinished(() => api.close());
    const client = sdk(api.url);
    const invoke = (
      FunctionName: string,
      bytes = 10,
      InvocationType: 'Event' | 'RequestResponse' = 'RequestResponse',
    ) =>
      client.send(
        new InvokeCommand({ FunctionName, InvocationType, Payload: Buffer.from(JSON.stringify('x'.repeat(bytes))) }),
      );
    expect((await invoke('f')).StatusCode).toBe(200);
    expect((await invoke('f:live', 10, 'Event')).StatusCode).toBe(202);
    expect((await invoke('arn:aws:lambda:us-east-1:123456789012:function:f:live')).StatusCode).toBe(200);
    await expect(invoke('g')).rejects.toThrow(ResourceNotFoundException);
    await expect(invoke('f', 1_048_576, 'Event')).rejects.toThrow(RequestTooLargeException);
    expect((await invoke('f', 1_048_576)).StatusCode).toBe(200);
    await expect(invoke('f', 6_291_456)).rejects.toThrow(RequestTooLargeException);
    isThrottled = true;
    await expect(invoke('f')).rejects.toThrow(TooManyRequestsException);
  });

  it('retries an asynchronous invocation twice, then reports that it gave up', async () => {
    const said: string[] = [];
    let runs = 0;
    const api = await startInvokeApi({
      functions: {
        f: async () => {
          runs += 1;
          return { kind: 'error', payload: '{"errorMessage":"no"}' };
        },
      },
      retryDelaysMs: [1, 1],
      say: (line) => said.push(line),
    });
    onTestFinished(() => api.close());
    await sdk(api.url).send(new InvokeCommand({ FunctionName: 'f', InvocationType: 'Event', Payload: '{}' }));
    await until('it gave up', () => said.some((line) => line.includes('given up')));
    expect(runs).toBe(3);
  });
});

describe('from the device to the function and back', () => {
  it('with the client library and the example', async () => {
    const upstream = await startLocalUpstream(join(repository, 'examples/upstream/handler.ts'), () => undefined);
    onTestFinished(() => upstream.stop());
    const gateway = await upstreamGateway(upstream, { UPSTREAM_FUNCTION: 'upstream', UPSTREAM_BATCH_MS: '5' });
    await gateway.users('device', 'operator');
    const client = await connect({
      host: '127.0.0.1',
      port: gateway.port,
      phoneNumber: 'device',
      token: 'token of device',
    });
    onTestFinished(() => client.close());
    await client.post(1000, { sensor: 'hall', celsius: 21.5 });
    await until('it is known', async () => {
      const answer = (await client.command(1500, { sensor: 'hall' })) as { celsius: number | null };
      return answer.celsius === 21.5;
    });
    expect(await client.command(1501, {})).toEqual({ raised: true });
    expect(await gateway.mailbox('operator')).toHaveLength(1);
    const { value: message } = await client[Symbol.asyncIterator]().next();
    expect(message).toMatchObject({ from: 'upstream', content: 'We are on it.' });
    await client.post(1501, {});
    const failed = await client.command(1500, {}).catch((error: unknown) => error);
    expect(failed).toBeInstanceOf(RefusedError);
    expect((failed as RefusedError).code).toBe('upstream_failed');
  });

  it('with npm start -- --upstream and fronttcp connect', async () => {
    const [api, tcp, health] = await Promise.all([reservePort(), reservePort(), reservePort()]);
    const env = {
      REDIS_URL: sharedRedisUrl(),
      REDIS_KEY_PREFIX: uniquePrefix(),
      API_PORT: String(api),
      GATEWAY_PORT: String(tcp),
      HEALTH_PORT: String(health),
      AWS_ENDPOINT_URL_LAMBDA: undefined,
    };
    const system = startProgram('local/start.ts', ['--upstream', 'examples/upstream/handler.ts'], { env });
    onTestFinished(async () => {
      await system.stop();
    });
    await system.line(/Upstream\s+examples\/upstream\/handler\.ts/);
    const login = await fetch(`http://127.0.0.1:${api}/login`, {
      method: 'POST',
      body: JSON.stringify({ phone_number: '13565208554', password: '123456' }),
    });
    const { token } = (await login.json()) as { token: string };
    const client = await connect({ host: '127.0.0.1', port: tcp, phoneNumber: '13565208554', token });
    onTestFinished(() => client.close());
    expect(await client.command(1500, { sensor: 'hall' })).toEqual({ sensor: 'hall', celsius: null });
    await system.line(/13565208554 came \(session \d+\)/);
    await client.close();

    const terminal = startProcess(
      'sh',
      [
        '-c',
        `printf '%s\\n' '/cmd 1500 {"sensor": "hall"}' '/cmd 1000 {"sensor": "hall", "celsius": 1}' '/cmd 1500 {}' | ${process.execPath} bin/fronttcp.mjs connect --json`,
      ],
      {
        env: { FRONTTCP_TOKEN: token, FRONTTCP_API: `http://127.0.0.1:${api}`, FRONTTCP_PORT: String(tcp) },
      },
    );
    expect((await terminal.exit).code).toBe(1);
    expect(terminal.output()).toContain('{"kind":"reply","body":{"sensor":"hall","celsius":null}}');
    expect(terminal.output()).toContain('{"kind":"accepted"}');
    expect(terminal.output()).not.toContain('no answer within');
    expect(terminal.output()).toContain('the function could not be called, or failed');
  });
});
