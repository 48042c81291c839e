import document from './frames.json' with { type: 'json' };

/** The wire as bytes, for this decoder and any other: frames.json is the source, docs/protocol.md shows it. */
export interface Vector {
  name: string;
  direction: string;
  version: number;
  command_id: number;
  body: string;
  /** The whole frame. */
  hex: string;
}

export const vectors: readonly Vector[] = document.frames;
/** Headers after which nothing may be read, for a limit of `maxFrameBytes`. */
export const invalidHeaders: readonly { name: string; hex: string }[] = document.invalid;
export const maxFrameBytes = document.max_frame_bytes;
