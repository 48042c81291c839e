import { isIP } from 'node:net';

/** Blocks that EC2 refuses in a rule: invalid ones, and those whose address has bits after its prefix. */
export function cidrProblem(cidr: string): string | undefined {
  const [address = '', prefix = '', ...rest] = cidr.split('/');
  const family = isIP(address);
  const max = family === 4 ? 32 : 128;
  if (family === 0 || rest.length > 0 || !/^\d{1,3}$/.test(prefix) || Number(prefix) > max) {
    return `"${cidr}" is no CIDR block such as 203.0.113.0/24 or 2001:db8::/32`;
  }
  return hasHostBits(address, Number(prefix), family === 4)
    ? `"${cidr}" has host bits: the address must be the first one of its block`
    : undefined;
}

function hasHostBits(address: string, prefix: number, isIpv4: boolean): boolean {
  const bits = isIpv4 ? ipv4Bits(address) : ipv6Bits(address);
  const behind = (isIpv4 ? 32n : 128n) - BigInt(prefix);
  return (bits & ((1n << behind) - 1n)) !== 0n;
}

function ipv4Bits(address: string): bigint {
  return address.split('.').reduce((bits, part) => (bits << 8n) | BigInt(part), 0n);
}

function ipv6Bits(address: string): bigint {
  const tail = /(?:\d+\.){3}\d+$/.exec(address)?.[0];
  const text = tail === undefined ? address : `${address.slice(0, -tail.length)}${ipv4Groups(tail)}`;
  const [head = '', rest] = text.split('::');
  const groups = (part: string | undefined): string[] => (part ? part.split(':') : []);
  const before = groups(head);
  const after = groups(rest);
  const middle = rest === undefined ? [] : new Array<string>(8 - before.length - after.length).fill('0');
  return [...before, ...middle, ...after].reduce((bits, part) => (bits << 16n) | BigInt(`0x${part}`), 0n);
}

function ipv4Groups(address: string): string {
  const bits = ipv4Bits(address);
  return `${(bits >> 16n).toString(16)}:${(bits & 0xffffn).toString(16)}`;
}
