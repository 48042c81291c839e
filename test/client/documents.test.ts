import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ClientCommand, FEATURES, ServerCommand } from '../../contract/wire/command-ids.ts';
import { Refusals } from '../../contract/wire/refusals.ts';
import { CloseReasons } from '../../gateway/session/close-reasons.ts';
import { settingsOf } from '../../sdk/client/options.ts';
import { repository } from '../kit/process.ts';
import { documentPath, withVectors } from '../vectors/render.ts';

const protocol = readFileSync(documentPath, 'utf8');
const clientPage = readFileSync(join(repository, 'docs/client.md'), 'utf8');

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

test('the protocol page has every reason of a goodbye', () => {
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
