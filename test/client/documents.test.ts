import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ClientCommand, FEATURES, ServerCommand } from '../../contract/wire/command-ids.ts';
import { Refusals } from '../../contract/wire/refusals.ts';
import { CloseReasons } from '../../gateway/session/close-reasons.ts';
import { backoffMs } from '../../sdk/client/backoff.ts';
import { settingsOf } from '../../sdk/client/options.ts';
import { repository } from '../kit/process.ts';
import { documentPath, withVectors } from '../vectors/render.ts';

const protocol = readFileSync(documentPath, 'utf8');
const clientPage = readFileSync(join(repository, 'docs/client.md'), 'utf8');
const devicePage = readFileSync(join(repository, 'docs/devices.md'), 'utf8');

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

test('the pages give the wait before the n-th attempt as the code has it', () => {
  for (const page of [protocol, devicePage]) expect(page).toContain('min(30 s, 0.5 s × 2ⁿ⁻¹) before the n-th attempt');
  expect(clientPage).toContain('min(`maxDelayMs`, `minDelayMs` × 2ⁿ⁻¹) before the n-th attempt');
  const policy = settingsOf({ host: 'h', phoneNumber: 'p', token: 't' }).reconnect;
  const longest = (attempt: number) => policy && backoffMs(policy, attempt, () => 0.999999);
  expect([longest(1), longest(2), longest(99)]).toEqual([500, 1_000, 30_000]);
});
