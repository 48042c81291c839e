/** The small port through which functions and gateways use Redis. */
export type RedisArgument = string | number | Buffer;
export type RedisReply = string | number | null | RedisReply[];

export interface Script {
  /** For logs and metrics. */
  readonly name: string;
  readonly lua: string;
  /** SHA-1 of `lua` in hex: the argument of EVALSHA. */
  readonly sha1: string;
}

export interface RedisPort {
  /** One command. Throws `RedisReplyError` when Redis refused it, or `RedisUnavailableError`. */
  command(name: string, ...args: RedisArgument[]): Promise<RedisReply>;
  /** Several commands in one round trip, in order; not atomic. The first refusal is thrown. */
  pipeline(commands: readonly (readonly RedisArgument[])[]): Promise<RedisReply[]>;
  /** Runs a script by its digest, and loads it where Redis no longer has it. */
  script(script: Script, keys: readonly string[], args: readonly RedisArgument[]): Promise<RedisReply>;
  /**
   * Opens a separate connection for commands that block for up to `maxBlockMs`, so that no other command waits behind them.
   * Left out by a driver that has no blocking commands (REST).
   */
  openBlocking?(maxBlockMs: number): RedisPort;
  close(): Promise<void>;
}
