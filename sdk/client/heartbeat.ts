import { timerMs } from './delay.ts';

/** The part of the connection that the heartbeat needs. */
interface HeartbeatPeer {
  beat(): void;
  /** The socket is not being read: silence does not mean that the server is gone. */
  readonly isPaused: boolean;
  /** The server has been silent for `missed` heartbeats. */
  dead(missed: number): void;
}

/**
 * Sends a heartbeat at every interval, and detects a dead peer: one that answers heartbeats and has
 * sent nothing at all over `missedHeartbeats` of them.
 */
export class Heartbeat {
  readonly #peer: HeartbeatPeer;
  readonly #limit: number;
  readonly #timer: NodeJS.Timeout | undefined;
  #unanswered = 0;

  /** `missedHeartbeats` undefined: the server does not answer them, and only TCP detects its death. */
  constructor(peer: HeartbeatPeer, intervalMs: number, missedHeartbeats: number | undefined) {
    this.#peer = peer;
    this.#limit = missedHeartbeats ?? Number.POSITIVE_INFINITY;
    if (intervalMs > 0) this.#timer = setInterval(() => this.#tick(), timerMs(intervalMs));
  }

  /** Any byte from the server is a sign of life. */
  heard(): void {
    this.#unanswered = 0;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #tick(): void {
    if (this.#peer.isPaused) this.#unanswered = 0;
    if (this.#unanswered >= this.#limit) {
      this.stop();
      this.#peer.dead(this.#unanswered);
      return;
    }
    this.#unanswered += 1;
    this.#peer.beat();
  }
}
