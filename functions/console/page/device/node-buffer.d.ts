/** The types of what contract/wire/frame.ts uses of Node's Buffer: the page has no types of Node. */
declare class Buffer extends Uint8Array<ArrayBuffer> {
  static alloc(bytes: number): Buffer;
  static allocUnsafe(bytes: number): Buffer;
  static allocUnsafeSlow(bytes: number): Buffer;
  static byteLength(text: string): number;
  static isBuffer(value: unknown): value is Buffer;
  static concat(parts: readonly Uint8Array[]): Buffer;
  static override from(bytes: Iterable<number> | ArrayBufferLike, at?: unknown, length?: unknown): Buffer;
  write(text: string, at: number, encoding?: 'latin1'): number;
  writeUInt32BE(value: number, at: number): number;
  readUInt32BE(at: number): number;
  copy(target: Uint8Array, at: number, from: number, to: number): number;
  override subarray(from?: number, to?: number): Buffer;
  override toString(encoding?: 'latin1', from?: number, to?: number): string;
}
