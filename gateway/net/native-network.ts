import { lookup } from 'node:dns/promises';
import { isIPv6 } from 'node:net';
import { getSystemErrorName } from 'node:util';
import { type NativeBinding, type NativeHandle, RECORD_INTS, RecordKind, Watched } from './native-binding.ts';
import { NativeConnection, type NativeSockets } from './native-connection.ts';
import type { AcceptEvents, ListenOptions, Network } from './port.ts';

/** Resident only as far as it is used. Some 512 sockets are read in a turn, each its share of it, at most 64 KiB. */
const ARENA_BYTES = 4_194_304;
/** Two for each socket of a turn, and the accepts. */
const MAX_RECORDS = 1_100;
/** Sends that are gathered before they go out without being asked to. */
const MAX_GATHERED = 1_024;
/** How long no connection is accepted when no descriptor is left. */
const ACCEPT_PAUSE_MS = 100;

/**
 * The sockets live in an addon, which reads and sends many of them in one call (native/net.c). This class keeps a connection
 * for each and does everything that is a decision.
 */
export class NativeNetwork implements Network, NativeSockets {
  readonly kind = 'native';
  readonly #binding: NativeBinding;
  // The addon writes to these: they must live as long as it may.
  readonly #arena = Buffer.allocUnsafeSlow(ARENA_BYTES);
  readonly #records = new Int32Array(MAX_RECORDS * RECORD_INTS);
  /** Undefined: not listening yet, or everything is closed. */
  #handle: NativeHandle | undefined;
  readonly #connections: (NativeConnection | undefined)[] = [];
  #open = 0;
  #listener = -1;
  #maxConnections = 0;
  #accept: AcceptEvents | undefined;
  #lastAddress = '';
  #acceptTimer: NodeJS.Timeout | undefined;
  // What was gathered: buffers[which[i]] for sockets[i], which is that of senders[i].
  #gathered = 0;
  readonly #sockets = new Int32Array(MAX_GATHERED);
  readonly #which = new Int32Array(MAX_GATHERED);
  readonly #results = new Int32Array(MAX_GATHERED);
  readonly #senders: (NativeConnection | undefined)[] = [];
  #buffers: Buffer[] = [];
  #resending: NativeConnection[] = [];

  constructor(binding: NativeBinding) {
    this.#binding = binding;
  }

  async listen(options: ListenOptions, events: AcceptEvents): Promise<number> {
    const { port, backlog, reusePort, keepAliveMs, maxConnections } = options;
    const { address } = await lookup(options.host);
    const handle = this.#binding.open((records) => this.#onRecords(records), this.#arena, this.#records);
    this.#maxConnections = maxConnections;
    this.#accept = events;
    const seconds = Math.max(1, Math.round(keepAliveMs / 1_000));
    // `::` takes IPv4 too, like in Node.
    const socket = this.#binding.listen(handle, address, port, backlog, Number(reusePort), seconds, 0);
    if (socket < 0) {
      this.#binding.close(handle);
      throw listenError(socket, isIPv6(address) ? `[${address}]:${port}` : `${address}:${port}`);
    }
    this.#handle = handle;
    this.#listener = socket;
    return this.#binding.boundPort(handle, socket);
  }

  stopAccepting(): void {
    clearTimeout(this.#acceptTimer);
    if (this.#handle && this.#listener >= 0) this.#binding.closeSocket(this.#handle, this.#listener);
    this.#listener = -1;
    this.#closeIfDone();
  }

  renewTls(): void {
    throw new Error('TLS needs the network of node');
  }

  flush(): void {
    this.send();
    const resending = this.#resending;
    if (resending.length === 0) return;
    this.#resending = [];
    for (const connection of resending) connection.onResent();
  }

  // --- for its connections

  reportClosed(connection: NativeConnection): void {
    connection.events.onClosed();
    this.#accept?.onClosed(connection);
  }

  /** Sends the gathered writes. No listener is called: nothing can be gathered meanwhile. */
  send(): void {
    const count = this.#gathered;
    if (count === 0 || this.#handle === undefined) return;
    const buffers = this.#buffers;
    const senders = this.#senders;
    this.#binding.send(this.#handle, this.#sockets, this.#which, buffers, this.#results, count);
    this.#gathered = 0;
    this.#buffers = [];
    for (let i = 0; i < count; i += 1) {
      const buffer = buffers[this.#which[i] ?? 0];
      if (buffer) senders[i]?.onSent(buffer, this.#results[i] ?? 0);
      senders[i] = undefined;
    }
  }

  gather(connection: NativeConnection, socket: number, bytes: Buffer): void {
    const last = this.#gathered - 1;
    // The order of a connection's bytes: nothing is sent behind bytes that the kernel did not take.
    const isApart = connection.isGathered && this.#senders[last] !== connection;
    if (isApart || this.#gathered === MAX_GATHERED) {
      this.send();
      if (connection.destroyed) return;
      if (connection.isQueued) return connection.queue(bytes);
    }
    const at = this.#gathered;
    if (this.#buffers[this.#buffers.length - 1] !== bytes) this.#buffers.push(bytes);
    this.#sockets[at] = socket;
    this.#which[at] = this.#buffers.length - 1;
    this.#senders[at] = connection;
    this.#gathered = at + 1;
    connection.isGathered = true;
  }

  resend(connection: NativeConnection): void {
    this.#resending.push(connection);
  }

  watch(socket: number, before: number, after: number): boolean {
    return this.#handle !== undefined && this.#binding.watch(this.#handle, socket, before, after) === 0;
  }

  shutdown(socket: number): boolean {
    return this.#handle !== undefined && this.#binding.shutdown(this.#handle, socket) === 0;
  }

  closeSocket(socket: number): void {
    this.#connections[socket] = undefined;
    this.#open -= 1;
    if (this.#handle) this.#binding.closeSocket(this.#handle, socket);
    this.#closeIfDone();
  }

  // --- what came

  #onRecords(count: number): void {
    const records = this.#records;
    for (let at = 0; at < count * RECORD_INTS; at += RECORD_INTS) {
      const socket = records[at] ?? -1;
      const kind = records[at + 1];
      const value = records[at + 2] ?? 0;
      const bytes = records[at + 3] ?? 0;
      if (kind === RecordKind.accepted) this.#onAccepted(socket, this.#arena.toString('latin1', value, value + bytes));
      else if (kind === RecordKind.acceptFailed) this.#onAcceptFailed(value);
      // One that was destroyed in this loop reports nothing more.
      else this.#connections[socket]?.onRecord(kind, value, this.#arena, bytes);
    }
    this.flush();
  }

  #onAccepted(socket: number, address: string): void {
    const accept = this.#accept;
    this.#open += 1;
    if (this.#listener < 0 || accept === undefined) return this.closeSocket(socket);
    if (this.#open > this.#maxConnections) {
      this.closeSocket(socket);
      return accept.onDropped();
    }
    if (!accept.mayAccept()) return this.closeSocket(socket);
    // Many come from one address, that of a router or a balancer: they share one string.
    if (address !== this.#lastAddress) this.#lastAddress = address;
    const connection = new NativeConnection(this, socket, this.#lastAddress);
    this.#connections[socket] = connection;
    accept.onConnection(connection);
  }

  /** It would be reported in every turn: asked again a little later. */
  #onAcceptFailed(errno: number): void {
    const listener = this.#listener;
    if (listener < 0) return;
    const { listener: isListener, read } = Watched;
    this.watch(listener, isListener | read, isListener);
    this.#acceptTimer = setTimeout(() => this.watch(listener, isListener, isListener | read), ACCEPT_PAUSE_MS);
    this.#accept?.onAcceptError(new Error(`accept: ${getSystemErrorName(-errno)}`));
  }

  #closeIfDone(): void {
    if (this.#handle === undefined || this.#listener >= 0 || this.#open > 0) return;
    this.#binding.close(this.#handle);
    this.#handle = undefined;
  }
}

/** Like what node:net gives: its `code` says whether the port is taken. */
function listenError(errno: number, where: string): Error {
  const code = getSystemErrorName(errno);
  return Object.assign(new Error(`listen ${code}: ${where}`), { code, errno, syscall: 'listen' });
}
