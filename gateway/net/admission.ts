import { networkOf } from '../../shared/address.ts';
import { TokenBucket } from '../../shared/time/token-bucket.ts';

/** Burst allowance, in seconds' worth of connections. */
const BURST_SECONDS = 2;
/** Share of all connections up to which an address that has MAX_UNVERIFIED_PER_ADDRESS already may open more. */
const NEARLY_FULL_SHARE = 0.95;

export interface AdmissionSettings {
  /** 0: any number. */
  readonly maxAcceptsPerSecond: number;
  readonly maxConnectionsPerAddress: number;
  readonly maxUnverifiedPerAddress: number;
}

/** Connections of one network, an IPv4 address or an IPv6 /64; shared by them. */
export interface AddressCount {
  /** As `networkOf` returns it. */
  readonly network: string;
  connections: number;
  /** Connections among them that have not verified yet. */
  unverified: number;
  /** When one of them was last verified, ms of the process's clock. */
  verifiedAtMs: number;
}

/** Decides which connections may come in: how many a second, and how many of one address. */
export class Admission {
  readonly #settings: AdmissionSettings;
  readonly #maxConnections: number;
  readonly #addresses = new Map<string, AddressCount>();
  readonly #accepts: TokenBucket | undefined;

  constructor(settings: AdmissionSettings, maxConnections: number) {
    const { maxAcceptsPerSecond: rate } = settings;
    this.#settings = settings;
    this.#maxConnections = maxConnections;
    this.#accepts = rate === 0 ? undefined : new TokenBucket(rate, BURST_SECONDS * rate, 0);
  }

  /** Whether one more connection may be accepted now. */
  mayAccept(nowMs: number): boolean {
    if (this.#accepts === undefined) return true;
    if (this.#accepts.refill(nowMs) < 1) return false;
    this.#accepts.take();
    return true;
  }

  /** Counts a connection from this address. Returns its count; undefined when the address has too many. `open`: of all addresses. */
  enter(from: string, open: number): AddressCount | undefined {
    const { maxConnectionsPerAddress: max, maxUnverifiedPerAddress: maxUnverified } = this.#settings;
    const network = networkOf(from);
    const address = this.#addresses.get(network) ?? newAddress(network);
    if (max > 0 && address.connections >= max) return undefined;
    const isAtUnverifiedLimit = maxUnverified > 0 && address.unverified >= maxUnverified;
    // One more may have a moment to send its verify, as long as there is room for other addresses.
    if (isAtUnverifiedLimit && open >= NEARLY_FULL_SHARE * this.#maxConnections) return undefined;
    address.connections += 1;
    this.#addresses.set(network, address);
    return address;
  }

  leave(address: AddressCount): void {
    address.connections -= 1;
    if (address.connections === 0) this.#addresses.delete(address.network);
  }
}

function newAddress(network: string): AddressCount {
  return { network, connections: 0, unverified: 0, verifiedAtMs: Number.NEGATIVE_INFINITY };
}
