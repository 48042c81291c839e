/**
 * What the codec of the gateways (contract/wire/frame.ts) uses of Node's Buffer, for a page. build-page.ts puts it in the place of
 * the global: the page encodes and decodes with the same lines of code as a gateway.
 */
class PageBuffer extends Uint8Array {
  static alloc(bytes: number): PageBuffer {
    return new PageBuffer(bytes);
  }

  static allocUnsafe(bytes: number): PageBuffer {
    return new PageBuffer(bytes);
  }

  static allocUnsafeSlow(bytes: number): PageBuffer {
    return new PageBuffer(bytes);
  }

  static byteLength(text: string): number {
    return utf8.encode(text).length;
  }

  static isBuffer(value: unknown): boolean {
    return value instanceof PageBuffer;
  }

  static concat(parts: readonly Uint8Array[]): PageBuffer {
    const all = new PageBuffer(parts.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of parts) {
      all.set(part, at);
      at += part.length;
    }
    return all;
  }

  write(text: string, at: number): number {
    const bytes = utf8.encode(text);
    this.set(bytes, at);
    return bytes.length;
  }

  writeUInt32BE(value: number, at: number): number {
    viewOf(this).setUint32(at, value);
    return at + 4;
  }

  readUInt32BE(at: number): number {
    return viewOf(this).getUint32(at);
  }

  copy(target: Uint8Array, at: number, from: number, to: number): number {
    target.set(this.subarray(from, to), at);
    return to - from;
  }
}

const utf8 = new TextEncoder();

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

export { PageBuffer as Buffer };
