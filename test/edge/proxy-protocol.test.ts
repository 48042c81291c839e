import { describe, expect, test } from 'vitest';
import { parseProxyHeader } from '../../gateway/net/proxy-header.ts';
import { gateway } from '../kit/gateway.ts';
import { frameBytes, Peer } from '../kit/peer.ts';

const SIGNATURE = Buffer.from('0d0a0d0a000d0a515549540a', 'hex');

function header(command: number, family: number, payload: Buffer): Buffer {
  const fixed = Buffer.from([command, family, 0, 0]);
  fixed.writeUInt16BE(payload.length, 2);
  return Buffer.concat([SIGNATURE, fixed, payload]);
}

/** From 203.0.113.<last>, with a TLV behind the addresses, as load balancers add them. */
function ipv4From(last: number): Buffer {
  const addresses = Buffer.from([203, 0, 113, last, 10, 0, 0, 1, 0xc0, 0x01, 0x1f, 0xbc]);
  return header(0x21, 0x11, Buffer.concat([addresses, Buffer.from([0xea, 0, 2, 1, 2])]));
}

const LOCAL = header(0x20, 0x00, Buffer.alloc(0));

describe('the header', () => {
  test('is recognised at every split, and refused at the first wrong byte', () => {
    const whole = ipv4From(7);
    for (let bytes = 0; bytes < whole.length; bytes += 1) {
      expect(parseProxyHeader(whole.subarray(0, bytes))).toEqual({ status: 'incomplete' });
    }
    expect(parseProxyHeader(Buffer.concat([whole, Buffer.from('more')]))).toEqual({
      status: 'complete',
      bytes: whole.length,
      address: '203.0.113.7',
    });
    for (let at = 0; at < SIGNATURE.length; at += 1) {
      const broken = Buffer.from(whole.subarray(0, at + 1));
      broken.writeUInt8(broken.readUInt8(at) ^ 1, at);
      expect(parseProxyHeader(broken)).toEqual({ status: 'invalid' });
    }
  });

  test('of IPv6 gives the address; other versions, families and lengths are refused', () => {
    const six = Buffer.alloc(36);
    six.writeUInt16BE(0x2001, 0);
    six.writeUInt16BE(0xdb8, 2);
    six.writeUInt16BE(1, 14);
    expect(parseProxyHeader(header(0x21, 0x21, six))).toMatchObject({ address: '2001:db8:0:0:0:0:0:1' });
    expect(parseProxyHeader(header(0x11, 0x11, Buffer.alloc(12)))).toEqual({ status: 'invalid' });
    expect(parseProxyHeader(header(0x21, 0x31, Buffer.alloc(216)))).toEqual({ status: 'invalid' });
    expect(parseProxyHeader(header(0x21, 0x11, Buffer.alloc(11)))).toEqual({ status: 'invalid' });
    expect(parseProxyHeader(header(0x21, 0x11, Buffer.alloc(4_000)))).toEqual({ status: 'invalid' });
  });
});

describe('a gateway behind a proxy', () => {
  test('takes the address from the header, whether the client speaks in the same segment or byte by byte', async () => {
    const { port, users } = await gateway({ PROXY_PROTOCOL: 'v2', MAX_CONNECTIONS_PER_ADDRESS: '1' });
    await users('ann', 'bob');
    const verify = (id: string) => frameBytes(1, { phone_number: id, token: `token of ${id}` });
    const ann = await Peer.connect(port);
    ann.sendBytes(ipv4From(1), verify('ann'));
    await ann.receives(101, '{"code": 1}');
    const bob = await Peer.connect(port);
    for (const byte of Buffer.concat([ipv4From(2), verify('bob')])) bob.sendBytes(Buffer.from([byte]));
    await bob.receives(101, '{"code": 1}');

    const second = await Peer.connect(port);
    second.sendBytes(ipv4From(1), verify('ann'));
    await second.isClosedSilently();

    const own = await Peer.connect(port);
    own.sendBytes(LOCAL);
    await own.verify('ann');
  });

  test('refuses a connection without the header', async () => {
    const { port, users, metric } = await gateway({ PROXY_PROTOCOL: 'v2' });
    await users('ann');
    const direct = await Peer.connect(port);
    direct.send(1, { phone_number: 'ann', token: 'token of ann' });
    await direct.isClosedSilently();
    expect(await metric('fronttcp_connections_refused_total{reason="no_proxy_header"}')).toBe(1);
  });
});

test('a gateway that expects no proxy refuses its header', async () => {
  const { port, users } = await gateway();
  await users('ann');
  const peer = await Peer.connect(port);
  peer.sendBytes(ipv4From(1), frameBytes(1, { phone_number: 'ann', token: 'token of ann' }));
  await peer.isClosedSilently();
});
