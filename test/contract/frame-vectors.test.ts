import { describe, expect, test } from 'vitest';
import { Decoded, encodeFrame, FrameDecoder } from '../../contract/wire/frame.ts';
import { invalidHeaders, maxFrameBytes, type Vector, vectors } from '../vectors/vectors.ts';

interface Frame {
  version: number;
  command_id: number;
  body: string;
}

/** Feeds chunks one after the other and reads each to its end, copying what must outlive the next call. */
function decode(chunks: Iterable<Buffer>, decoder = new FrameDecoder(maxFrameBytes)): Frame[] {
  const frames: Frame[] = [];
  for (const chunk of chunks) {
    decoder.push(chunk);
    while (decoder.next() === Decoded.frame) {
      frames.push({ version: decoder.version, command_id: decoder.commandId, body: decoder.body.toString() });
    }
  }
  return frames;
}

const partsOf = ({ version, command_id, body }: Vector): Frame => ({ version, command_id, body });
const bytesOf = ({ hex }: { hex: string }) => Buffer.from(hex, 'hex');

describe.each(vectors.map((vector) => [vector.name, vector] as const))('%s', (_, vector) => {
  const bytes = bytesOf(vector);

  test('is what the encoder writes', () => {
    expect(encodeFrame(vector.version, vector.command_id, vector.body).toString('hex')).toBe(vector.hex);
    expect(encodeFrame(vector.version, vector.command_id, Buffer.from(vector.body)).toString('hex')).toBe(vector.hex);
  });

  test('is read whole', () => {
    expect(decode([bytes])).toEqual([partsOf(vector)]);
  });

  test('is read at every split', () => {
    for (let at = 0; at <= bytes.length; at += 1) {
      expect(decode([bytes.subarray(0, at), bytes.subarray(at)]), `split at ${at}`).toEqual([partsOf(vector)]);
    }
  });

  test('is read byte by byte', () => {
    expect(decode([...bytes].map((byte) => Buffer.from([byte])))).toEqual([partsOf(vector)]);
  });

  test('is read from a view whose buffer has other bytes around it', () => {
    const slab = Buffer.alloc(bytes.length + 14, 0xff);
    bytes.copy(slab, 7);
    expect(decode([slab.subarray(7, 7 + bytes.length)])).toEqual([partsOf(vector)]);
    const view = new Uint8Array(slab.buffer, slab.byteOffset + 7, bytes.length);
    expect(decode([view as Buffer])).toEqual([partsOf(vector)]);
  });
});

const stream = Buffer.concat(vectors.map(bytesOf));

test('many frames in one chunk come out in order', () => {
  expect(decode([stream])).toEqual(vectors.map(partsOf));
});

test.each([1, 2, 3, 5, 11, 12, 13, 100, 1460])('many frames in chunks of %i bytes come out in order', (size) => {
  const chunks: Buffer[] = [];
  for (let at = 0; at < stream.length; at += size) chunks.push(stream.subarray(at, at + size));
  expect(decode(chunks)).toEqual(vectors.map(partsOf));
});

describe.each(invalidHeaders.map((header) => [header.name, header] as const))('a header of %s', (_, header) => {
  test('is invalid as soon as it is complete, whole and byte by byte, and no frame follows it', () => {
    const good = bytesOf(vectors[0] as Vector);
    for (const chunks of [[bytesOf(header)], [...bytesOf(header)].map((byte) => Buffer.from([byte]))]) {
      const decoder = new FrameDecoder(maxFrameBytes);
      expect(decode([good, ...chunks], decoder)).toHaveLength(1);
      expect(decoder.next()).toBe(Decoded.invalid);
      expect(decoder.bufferedBytes).toBe(0);
      expect(decode([good, good], decoder)).toEqual([]);
      expect(decoder.next()).toBe(Decoded.invalid);
    }
  });

  test('behind a good frame in one chunk ends the stream', () => {
    const good = bytesOf(vectors[0] as Vector);
    expect(decode([Buffer.concat([good, bytesOf(header), good])])).toHaveLength(1);
  });
});

test.each([12, maxFrameBytes])('a frame of length %i is within the bounds', (length) => {
  const frame = encodeFrame(1, 2, 'x'.repeat(length - 12));
  expect(frame.length).toBe(length);
  expect(decode([frame])[0]?.body.length).toBe(length - 12);
  expect(decode([frame.subarray(0, 5), frame.subarray(5)])[0]?.body.length).toBe(length - 12);
});

test('eleven bytes are an incomplete header', () => {
  const decoder = new FrameDecoder(maxFrameBytes);
  decoder.push(Buffer.alloc(11, 0xff));
  expect(decoder.next()).toBe(Decoded.incomplete);
  expect(decoder.bufferedBytes).toBe(11);
  decoder.push(Buffer.alloc(1, 0xff));
  expect(decoder.next()).toBe(Decoded.invalid);
});
