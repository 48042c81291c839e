import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { settingsOf } from '../../client/options.ts';
import { ClientCommand, FEATURES, ServerCommand } from '../../contract/command-ids.ts';
import { Refusals } from '../../contract/refusals.ts';
import { CloseReasons } from '../../gateway/session/close-reasons.ts';
import { repository, startProgram } from '../support/process.ts';
import { documentPath, withVectors } from '../vectors/render.ts';
import { startTestGateway, type TestGateway } from './gateway.ts';

const protocol = readFileSync(documentPath, 'utf8');
const clientPage = readFileSync(join(repository, 'docs/client.md'), 'utf8');

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway();
});
afterAll(() => gateway.stop());

test('the protocol page shows the vectors of frames.json (else: node test/vectors/render.ts)', () => {
  expect(protocol).toBe(withVectors(protocol));
});

test('the protocol page has every command, feature and refusal', () => {
  for (const id of [...Object.values(ClientCommand), ...Object.values(ServerCommand)]) {
    expect(protocol).toMatch(new RegExp(`^\\| ([\\d, ]+, )?${id}[ ,]`, 'm'));
  }
  for (const name of [...FEATURES, ...Object.keys(Refusals)]) expect(protocol).toContain(`| \`${name}\` |`);
});

/** A client that left, or never was one, is sent no goodbye. */
const UNSAID = ['client_left', 'connection_lost', 'reverified', 'no_proxy_header', 'tls_failed'];

test('the protocol page has every reason that a client can be told', () => {
  for (const { name } of Object.values(CloseReasons)) {
    if (!UNSAID.includes(name)) expect(protocol).toContain(`| \`${name}\` |`);
  }
});

test('the client page has every option and its default', () => {
  const defaults = settingsOf({ host: 'h', phoneNumber: 'p', token: 't' });
  for (const name of Object.keys(defaults).filter((name) => !['canRenewToken', 'reconnect'].includes(name))) {
    expect(clientPage).toContain(`\`${name}\``);
  }
  for (const name of ['sendTimeoutMs', 'inboundLimit', 'maxFrameBytes', 'heartbeatIntervalMs'] as const) {
    expect(clientPage).toMatch(new RegExp(`\`${name}\`.*${defaults[name]}`));
  }
});

const examples = [...clientPage.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code]) => String(code));

test.each(examples.map((code, at) => [at + 1, code] as const))(
  'example %i of the client page runs',
  async (at, code) => {
    const folder = await mkdtemp(join(repository, 'test/client/.example-'));
    try {
      const userId = `example-${at}`;
      const token = await gateway.token(userId);
      await gateway.token('13764408552');
      const names = `const [host, port, phoneNumber, token] = ['127.0.0.1', ${gateway.port}, '${userId}', '${token}'];
const logIn = () => token;
const store = async (message: unknown) => { console.log('stored', message); process.exit(0); };
`;
      const file = join(folder, 'example.ts');
      await writeFile(file, names + code.replaceAll("'../client/", "'../../../client/"));
      const example = startProgram(file);
      // Stored until it is read, so that it does not matter which of the two is first.
      await gateway.push({ command_id: 102, chat_from: 'page', chat_to: [userId], chat_content: 'bye' });
      const { code: exitCode } = await example.exit;
      expect(exitCode, example.output()).toBe(0);
    } finally {
      await rm(folder, { recursive: true });
    }
  },
);

test('the client page has its examples', () => {
  expect(examples).toHaveLength(4);
});
