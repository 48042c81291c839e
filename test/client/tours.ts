import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fencesOf } from '../docs/support/fences.ts';
import { compile, installCompiledPackage } from '../kit/compiled-package.ts';
import { provideNode } from '../kit/nodes.ts';
import { repository, startProcess } from '../kit/process.ts';
import { startClientGateway, type TestGateway } from './gateway.ts';

/** The blocks of docs/client.md, each a program. */
export const examples = fencesOf('docs/client.md').filter(({ language }) => language === 'ts');

/** What the page's examples take for granted. */
const NAMES = `const [host, port, phoneNumber, token] = ['127.0.0.1', Number(process.env.PORT), process.env.USER_ID!, process.env.TOKEN!];
const logIn = () => token;
const store = async (message: unknown) => { console.log('stored', message); process.exit(0); };
`;

const TOUR = `import { once } from 'node:events';
import { type ClientEvents, connect, type Message, type SessionInfo } from 'fronttcp/client';
import { ClosedError, RefusedError } from 'fronttcp/client/errors';

const [host, port, phoneNumber, token] = ['127.0.0.1', Number(process.env.PORT), process.env.USER_ID!, process.env.TOKEN!];
const check = (isSo: boolean, what: string) => { if (!isSo) throw new Error(what); };

const client = await connect({ host, port, phoneNumber, token: async () => token, reconnect: { minDelayMs: 1, maxDelayMs: 20 } });
const session: SessionInfo | undefined = client.session;
check(session?.features.length === 5, 'features');
const sent = await client.send(phoneNumber, '你好');
for await (const message of client as AsyncIterable<Message>) {
  check(message.kind === 'single' && message.content === '你好' && message.id === sent, 'the message');
  break;
}
const refused = await client.send('nobody', 'x').catch((error: unknown) => error);
check(refused instanceof RefusedError && refused.code === 'unknown_recipient', 'refused');

const leaving = new AbortController();
const failed = await client.command(1500, {}, { signal: leaving.signal, timeoutMs: 10_000 }).catch((error: unknown) => error);
check(failed instanceof RefusedError && failed.code === 'no_upstream', 'no upstream');

// Somebody else with this token takes the place: for good.
const closed = once(client, 'closed') as Promise<ClientEvents['closed']>;
const other = await connect({ host, port, phoneNumber, token, signal: leaving.signal });
const [cause] = await closed;
check(cause?.name === 'DismissedError', 'dismissed');
check(await client.send(phoneNumber, 'x').catch((error: unknown) => error instanceof ClosedError) === true, 'closed');

leaving.abort(new Error('enough'));
check(other.state === 'closed', 'aborted');
await other[Symbol.asyncDispose]();
console.log('toured by Node', process.versions.node);
`;

/**
 * The client library as the package has it, under these versions of Node: a tour of what it can do, and the examples of
 * docs/client.md. Each is a program of its own, against a real gateway.
 */
export function describeTours(versions: readonly string[]): void {
  const folder = mkdtempSync(join(tmpdir(), 'fronttcp-nodes-'));
  const programs = new Map<string, string>();
  let gateway: TestGateway;
  beforeAll(async () => {
    writeFileSync(join(folder, 'package.json'), '{"type": "module"}');
    programs.set('tour', TOUR);
    for (const [at, { text }] of examples.entries()) programs.set(`example-${at + 1}`, NAMES + text);
    for (const [name, source] of programs) writeFileSync(join(folder, `${name}.ts`), source);
    const compiled = installCompiledPackage(folder).then(() =>
      compile(folder, {
        extends: join(repository, 'tsconfig.json'),
        compilerOptions: {
          noEmit: false,
          outDir: folder,
          rootDir: folder,
          allowImportingTsExtensions: false,
          noUnusedLocals: false,
          typeRoots: [join(repository, 'node_modules/@types')],
        },
        files: [...programs.keys()].map((name) => `${name}.ts`),
        include: [],
      }),
    );
    [gateway] = await Promise.all([startClientGateway(), compiled]);
  });
  afterAll(async () => {
    await gateway.stop();
    rmSync(folder, { recursive: true });
  });

  describe.each(versions)('Node %s', (version) => {
    let node = '';
    beforeAll(async () => {
      node = await provideNode(version);
    }, 300_000);

    test.each(['tour', ...examples.map((_, at) => `example-${at + 1}`)])('%s', async (name) => {
      const userId = `${name}-${version}`;
      const token = await gateway.token(userId);
      await gateway.token('13764408552');
      const push = (content: string) =>
        gateway.push({ command_id: 102, chat_from: 'page', chat_to: [userId], chat_content: content });
      // Stored until it is read, so that it does not matter which of the two is first.
      if (name !== 'tour') await push('bye');
      const program = startProcess(node, [join(folder, `${name}.js`)], {
        env: { PORT: String(gateway.port), USER_ID: userId, TOKEN: token, NODE_OPTIONS: undefined },
      });
      const { code } = await program.exit;
      expect(code, program.output()).toBe(0);
      if (name === 'tour') expect(program.output()).toContain(`toured by Node ${version.split('.')[0]}.`);
      if (name !== 'example-1') return;
      // Left unacknowledged, the message that ends its loop would end each later run at once.
      const client = await gateway.connect(userId, { token });
      await push('next');
      const { value } = await client[Symbol.asyncIterator]().next();
      expect(value).toMatchObject({ content: 'next' });
    });
  });
}
