import { randomUUID } from 'node:crypto';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { onTestFinished, vi } from 'vitest';

/** JSON that is printed, or a text that the call fails with. */
type Reply = object | string;
/** By service and operation (`ecs describe-services`); of a list each call takes the next one, and the last one stays. */
export type Replies = Readonly<Record<string, Reply | readonly Reply[]>>;

export interface StandIn {
  /** PATH, with the stand-in first. */
  readonly path: string;
  readonly folder: string;
  /** The arguments of each call, in order. */
  calls(): Promise<string[][]>;
}

/** A program `aws` for the PATH. It prints what AWS's own prints, and keeps every call. */
export async function standInAws(replies: Replies): Promise<StandIn> {
  const folder = await mkdtemp(join(tmpdir(), 'fronttcp-aws-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const log = join(folder, 'calls.jsonl');
  await writeFile(log, '');
  await putProgram(
    folder,
    'aws',
    `import { appendFileSync, readFileSync } from 'node:fs';
const replies = ${JSON.stringify(replies)};
const args = process.argv.slice(2);
const name = args[0] + ' ' + args[1];
const before = readFileSync(${JSON.stringify(log)}, 'utf8').split('\\n').filter((line) => line.startsWith('["' + args[0] + '","' + args[1] + '"'));
appendFileSync(${JSON.stringify(log)}, JSON.stringify(args) + '\\n');
const given = replies[name];
const reply = Array.isArray(given) ? given[Math.min(before.length, given.length - 1)] : given;
if (typeof reply === 'object' && args.includes('--output')) console.log(JSON.stringify(reply));
else { console.error(reply ?? 'no such call: ' + args.join(' ')); process.exit(254); }
`,
  );
  return {
    folder,
    path: `${folder}${delimiter}${process.env.PATH}`,
    calls: async () =>
      (await readFile(log, 'utf8'))
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as string[]),
  };
}

/** A program of Node's, as an executable file. */
export async function putProgram(folder: string, name: string, module: string): Promise<void> {
  const file = join(folder, name);
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }');
  await writeFile(file, `#!${process.execPath}\n${module}`);
  await chmod(file, 0o755);
}

/** Lambda's Invoke, which runs the relay on the store of this environment. Resolves with its URL, for AWS_ENDPOINT_URL_LAMBDA. */
export async function standInLambda(env: Readonly<Record<string, string>>): Promise<string> {
  for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
  onTestFinished(() => void vi.unstubAllEnvs());
  // A function instance of its own: the module keeps its connection to the store.
  const module = new URL(`../../functions/relay/handler.ts?sandbox=${randomUUID()}`, import.meta.url);
  const { handler }: typeof import('../../functions/relay/handler.ts') = await import(module.href);
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => (body += chunk));
    request.on('end', async () => {
      const headers = { 'content-type': 'application/json' };
      await handler(JSON.parse(body)).then(
        (result) => response.writeHead(200, headers).end(JSON.stringify(result)),
        // As Lambda replies for a function that throws.
        (error: Error) => {
          response.writeHead(200, { ...headers, 'x-amz-function-error': 'Unhandled' });
          response.end(JSON.stringify({ errorType: error.name, errorMessage: error.message }));
        },
      );
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
