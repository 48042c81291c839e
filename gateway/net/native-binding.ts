import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

/** What `open` returns; only the addon looks into it. */
export interface NativeHandle {
  readonly native: unique symbol;
}

/** The functions of native/net.c. A number below 0 is an errno. */
export interface NativeBinding {
  open(callback: (records: number) => void, arena: Uint8Array, records: Int32Array): NativeHandle;
  close(handle: NativeHandle): void;
  listen(
    handle: NativeHandle,
    ip: string,
    port: number,
    backlog: number,
    reusePort: number,
    keepAliveSeconds: number,
    onlyV6: number,
  ): number;
  boundPort(handle: NativeHandle, socket: number): number;
  watch(handle: NativeHandle, socket: number, before: number, after: number): number;
  send(
    handle: NativeHandle,
    sockets: Int32Array,
    which: Int32Array,
    buffers: readonly Uint8Array[],
    results: Int32Array,
    count: number,
  ): void;
  shutdown(handle: NativeHandle, socket: number): number;
  closeSocket(handle: NativeHandle, socket: number): void;
}

/** See native/net.c. */
export const RecordKind = { accepted: 1, bytes: 2, ended: 3, failed: 4, writable: 5, acceptFailed: 6 } as const;
export const Watched = { read: 1, write: 2, listener: 4 } as const;
export const RECORD_INTS = 4;

export type LoadedBinding =
  | { readonly state: 'loaded'; readonly binding: NativeBinding }
  /** A sentence that fits behind "node, because". */
  | { readonly state: 'absent'; readonly why: string };

/** Beside this file in the sources, beside the bundle in the image and the package. */
export const addonFile = fileURLToPath(new URL(`native/${process.platform}-${process.arch}.node`, import.meta.url));

const loaded = new Map<string, LoadedBinding>();

/** Loads the addon, if it was built for this machine. Never throws. */
export function loadBinding(file: string = addonFile): LoadedBinding {
  const found = loaded.get(file) ?? load(file);
  loaded.set(file, found);
  return found;
}

function load(file: string): LoadedBinding {
  try {
    return { state: 'loaded', binding: createRequire(import.meta.url)(file) as NativeBinding };
  } catch (error) {
    const isAbsent = error instanceof Error && 'code' in error && error.code === 'MODULE_NOT_FOUND';
    if (isAbsent) return { state: 'absent', why: `the addon was not built for ${process.platform}-${process.arch}` };
    return {
      state: 'absent',
      why: `the addon does not load: ${error instanceof Error ? error.message : String(error)}`,
    };
  }
}
