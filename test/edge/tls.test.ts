import { once } from 'node:events';
import { copyFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { gateway, startTestGateway } from '../kit/gateway.ts';
import { frameBytes, Peer } from '../kit/peer.ts';
import { repository } from '../kit/process.ts';
import { until } from '../kit/until.ts';

const fixture = (name: string): string => join(repository, 'test/fixtures/tls', name);

async function secure(port: number, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ...options });
  await once(socket, 'secureConnect');
  return socket;
}

const SECRET_ARN = 'arn:aws:secretsmanager:eu-west-1:111111111111:secret:certificate-AbCdEf';

/** Secrets Manager with one secret, for the SDK that the gateway uses. */
async function startSecret() {
  const asked: { target: unknown; arn: unknown; region: unknown }[] = [];
  let [text, version] = ['', 0];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => (body += chunk));
    request.on('end', () => {
      const [, region] =
        /Credential=[^/]+\/\d+\/([\w-]+)\/secretsmanager/.exec(String(request.headers.authorization)) ?? [];
      asked.push({ target: request.headers['x-amz-target'], arn: JSON.parse(body).SecretId, region });
      const answer = JSON.stringify({ ARN: SECRET_ARN, VersionId: `version-${version}`, SecretString: text });
      response.writeHead(200, { 'content-type': 'application/x-amz-json-1.1' }).end(answer);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  vi.stubEnv('AWS_ENDPOINT_URL_SECRETS_MANAGER', `http://127.0.0.1:${port}`);
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'of-the-test');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'of-the-test');
  onTestFinished(() => {
    vi.unstubAllEnvs();
    server.close();
    server.closeAllConnections();
  });
  const put = (value: string) => {
    text = value;
    version += 1;
  };
  const become = async (name: string) => {
    const [certificate, privateKey] = await Promise.all(
      ['cert', 'key'].map((part) => readFile(fixture(`${name}.${part}.pem`), 'utf8')),
    );
    put(JSON.stringify({ certificate, privateKey }));
  };
  return { asked, put, become };
}

const nameOf = (socket: TLSSocket): string => String(socket.getPeerCertificate().subject.CN);

async function certificateFiles(): Promise<{ certFile: string; keyFile: string; become(name: string): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'fronttcp-tls-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const [certFile, keyFile] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
  const become = async (name: string) => {
    await copyFile(fixture(`${name}.key.pem`), keyFile);
    await copyFile(fixture(`${name}.cert.pem`), certFile);
  };
  await become('server-1');
  return { certFile, keyFile, become };
}

describe('TLS in the gateway', () => {
  test('speaks the protocol inside TLS, and renews its certificate without dropping anyone', async () => {
    const { certFile, keyFile, become } = await certificateFiles();
    const { port, users } = await gateway({
      TLS_CERT_FILE: certFile,
      TLS_KEY_FILE: keyFile,
      TLS_RENEWAL_CHECK_MS: '20',
    });
    await users('ann', 'bob');
    const socket = await secure(port);
    const ann = Peer.over(socket);
    await ann.verify('ann');
    expect(nameOf(socket)).toBe('gateway one');

    await become('server-2');
    await until('new connections get the new certificate', async () => {
      const probe = await secure(port);
      const name = nameOf(probe);
      probe.destroy();
      return name === 'gateway two';
    });

    const bob = Peer.over(await secure(port));
    await bob.verify('bob');
    bob.send(2, { chat_to: 'ann', chat_content: 'still there?' });
    await ann.receives(102, { chat_from: 'bob', chat_content: 'still there?' });
  });

  test('a client that closes only its sending side gets its replies, and then the end', async () => {
    const { certFile, keyFile } = await certificateFiles();
    const { port, users } = await gateway({ TLS_CERT_FILE: certFile, TLS_KEY_FILE: keyFile });
    await users('asks', 'away');
    const client = Peer.over(await secure(port));
    const verify = frameBytes(1, { phone_number: 'asks', token: 'token of asks', features: ['receipts', 'pong'] });
    const chats = Array.from({ length: 300 }, (_, ref) => frameBytes(2, { chat_to: 'away', chat_content: 'x', ref }));
    client.socket.end(Buffer.concat([verify, ...chats, frameBytes(5)]));
    await client.receives(101, expect.objectContaining({ code: 1 }));
    await client.receives(105);
    const answeredAt = performance.now();
    await client.ended();
    const answers = client.frames.map(({ commandId }) => commandId);
    expect(answers.filter((commandId) => commandId === 110)).toHaveLength(300);
    // A write that TLS holds for a moment must not put the end off until slow readers are judged.
    expect(performance.now() - answeredAt).toBeLessThan(10_000);
  });

  test('takes certificate and key from a secret, and a new version of it without dropping anyone', async () => {
    const secret = await startSecret();
    await secret.become('server-1');
    const { port, users } = await gateway({ TLS_SECRET_ARN: SECRET_ARN, TLS_RENEWAL_CHECK_MS: '50' });
    await users('ann');
    const socket = await secure(port);
    const ann = Peer.over(socket);
    await ann.verify('ann', { features: ['pong'] });
    expect(nameOf(socket)).toBe('gateway one');
    expect(secret.asked[0]).toEqual({ target: 'secretsmanager.GetSecretValue', arn: SECRET_ARN, region: 'eu-west-1' });

    // A version that cannot be used changes nothing.
    secret.put('{"certificate": "not PEM", "privateKey": "not PEM"}');
    const before = secret.asked.length;
    await until('it was looked at', () => secret.asked.length > before + 4);
    expect(nameOf(await secure(port))).toBe('gateway one');

    await secret.become('server-2');
    await until('new connections get the new certificate', async () => nameOf(await secure(port)) === 'gateway two');
    ann.send(5);
    await ann.receives(105);
  });

  test('does not start where the secret cannot be read', async () => {
    const secret = await startSecret();
    secret.put('{"certificate": "x"}');
    await expect(startTestGateway({ TLS_SECRET_ARN: SECRET_ARN })).rejects.toThrow(/privateKey/);
  });

  test('takes the client CA from the secret, and refuses everybody without one', async () => {
    const secret = await startSecret();
    await secret.become('server-1');
    const settings = { TLS_SECRET_ARN: SECRET_ARN, TLS_CLIENT_CERTIFICATES: 'true' };
    await expect(startTestGateway(settings)).rejects.toThrow(/has no field clientCa/);

    const read = (file: string) => readFile(fixture(file), 'utf8');
    const [certificate, privateKey, clientCa] = await Promise.all(
      ['server-1.cert.pem', 'server-1.key.pem', 'ca.cert.pem'].map(read),
    );
    secret.put(JSON.stringify({ certificate, privateKey, clientCa }));
    const { port, users } = await gateway(settings);
    await users('device-1', 'device-2');
    const [cert, key] = await Promise.all([read('device.cert.pem'), read('device.key.pem')]);
    const device = Peer.over(await secure(port, { cert, key }));
    expect((await device.verify('device-2')).code).toBe(0);
    expect((await device.verify('device-1')).code).toBe(1);
    const stranger = connect({ port, host: '127.0.0.1', rejectUnauthorized: false });
    stranger.on('error', () => stranger.destroy());
    await new Promise((resolve) => stranger.on('close', resolve));
  });

  test('refuses versions below TLS 1.2 and plain TCP, and goes on', async () => {
    const { certFile, keyFile } = await certificateFiles();
    const { port, users } = await gateway({ TLS_CERT_FILE: certFile, TLS_KEY_FILE: keyFile });
    await users('ann');
    const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const;
    await expect(secure(port, old)).rejects.toThrow();
    const plain = await Peer.connect(port);
    plain.send(1, { phone_number: 'ann', token: 'token of ann' });
    await plain.ended();

    await Peer.over(await secure(port)).verify('ann');
  });

  test('with a client CA, a certificate is required, and is valid only for the user that it names', async () => {
    const { certFile, keyFile } = await certificateFiles();
    const { port, users } = await gateway({
      TLS_CERT_FILE: certFile,
      TLS_KEY_FILE: keyFile,
      TLS_CLIENT_CA_FILE: fixture('ca.cert.pem'),
    });
    await users('device-1', 'device-2');
    const [cert, key] = await Promise.all([readFile(fixture('device.cert.pem')), readFile(fixture('device.key.pem'))]);

    const stranger = connect({ port, host: '127.0.0.1', rejectUnauthorized: false });
    stranger.on('error', () => stranger.destroy());
    await new Promise((resolve) => stranger.on('close', resolve));

    const device = Peer.over(await secure(port, { cert, key }));
    expect((await device.verify('device-2')).code).toBe(0);
    expect((await device.verify('device-1')).code).toBe(1);
  });
});
