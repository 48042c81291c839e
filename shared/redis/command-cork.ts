import { type Cluster, Redis } from 'ioredis';

/**
 * Commands that are issued together leave together, in one write to the socket: a write of its own costs more than most
 * commands. ioredis manages the connections of a cluster itself.
 */
export class CommandCork {
  readonly #client: Redis | Cluster;
  readonly #later: (leave: () => void) => void;
  /** The currently corked socket. */
  #stream: Redis['stream'] | undefined;
  readonly #leave = (): void => {
    this.#stream?.uncork();
    this.#stream = undefined;
  };

  /** `later` decides when they leave: `setImmediate` with all of this turn, `process.nextTick` before anything else runs. */
  constructor(client: Redis | Cluster, later: (leave: () => void) => void) {
    this.#client = client;
    this.#later = later;
  }

  /** Call it before each command. */
  begin(): void {
    if (this.#stream !== undefined || !(this.#client instanceof Redis) || this.#client.status !== 'ready') return;
    this.#stream = this.#client.stream;
    this.#stream.cork();
    this.#later(this.#leave);
  }
}
