import fc from 'fast-check';
import { expect, test, vi } from 'vitest';
import { Decoded, encodeFrame, FrameDecoder } from '../../contract/wire/frame.ts';

test('a split body is not changed under us when the read buffer is used again', () => {
  const frame = encodeFrame(1, 2, 'the body as it was sent');
  const decoder = new FrameDecoder();
  const readBuffer = Buffer.alloc(64);
  let body: string | undefined;
  for (let at = 0; at < frame.length; at += 5) {
    const bytes = frame.copy(readBuffer, 0, at, at + 5);
    decoder.push(readBuffer.subarray(0, bytes));
    if (decoder.next() === Decoded.frame) body = decoder.body.toString();
    else readBuffer.fill(0xee);
  }
  expect(body).toBe('the body as it was sent');
});

test('unread bytes are safe once detached', () => {
  const decoder = new FrameDecoder();
  const chunk = Buffer.concat([encodeFrame(1, 2, 'first'), encodeFrame(1, 2, 'second')]);
  decoder.push(chunk);
  expect(decoder.next()).toBe(Decoded.frame);
  decoder.detach();
  chunk.fill(0);
  expect(decoder.next()).toBe(Decoded.frame);
  expect(decoder.body.toString()).toBe('second');
});

test('a whole frame is read in place: its body is a view of the chunk', () => {
  const decoder = new FrameDecoder();
  const chunk = encodeFrame(1, 2, 'hello');
  decoder.push(chunk);
  decoder.next();
  expect(decoder.body.buffer).toBe(chunk.buffer);
  expect(decoder.body.byteOffset).toBe(chunk.byteOffset + 12);
});

test('an idle decoder keeps no slab alive', () => {
  const decoder = new FrameDecoder();
  const slab = Buffer.alloc(65_536);
  encodeFrame(1, 2, 'hello').copy(slab);
  decoder.push(slab.subarray(0, 17));
  while (decoder.next() === Decoded.frame);
  expect(decoder.bufferedBytes).toBe(0);
  expect(decoder.body.buffer).not.toBe(slab.buffer);
});

test('only the beginning of a frame is kept of a chunk, not the slab it lies in', () => {
  const decoder = new FrameDecoder();
  decoder.push(Buffer.concat([encodeFrame(1, 2, 'x'.repeat(60_000)), encodeFrame(1, 2, 'hello').subarray(0, 14)]));
  while (decoder.next() === Decoded.frame);
  expect(decoder.bufferedBytes).toBe(14);
});

test('a body that is announced and not sent costs no memory', () => {
  const before = process.memoryUsage().arrayBuffers;
  const decoders = Array.from({ length: 1_000 }, () => {
    const decoder = new FrameDecoder(1_048_576);
    const header = encodeFrame(1, 2);
    header.writeUInt32BE(1_048_576, 0);
    decoder.push(header);
    decoder.next();
    return decoder;
  });
  expect(decoders).toHaveLength(1_000);
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2_000_000);
});

test('a large body in small pieces is copied a few times in all, not once for each piece', () => {
  const bodyBytes = 2 * 1024 * 1024;
  const frame = encodeFrame(1, 2, Buffer.alloc(bodyBytes));
  const decoder = new FrameDecoder(frame.length);
  const made = (['allocUnsafeSlow', 'allocUnsafe', 'alloc', 'concat', 'from'] as const).map((way) =>
    vi.spyOn(Buffer, way),
  );
  let frames = 0;
  for (let at = 0; at < frame.length; at += 256) {
    decoder.push(frame.subarray(at, at + 256));
    while (decoder.next() === Decoded.frame) frames += 1;
  }
  const results = made.flatMap(({ mock }) => mock.results.map(({ value }) => (value as Buffer).length));
  vi.restoreAllMocks();
  expect(frames).toBe(1);
  expect(results.length).toBeGreaterThan(0);
  // It doubles as it grows: twice its size in all, where a concatenation per piece makes four thousand times as much.
  expect(results.reduce((sum, bytes) => sum + bytes, 0)).toBeLessThan(4 * bodyBytes);
});

test('any frames in any chunks are decoded as they were encoded', () => {
  const anyFrame = fc.record({
    version: fc.nat(0xffff_ffff),
    commandId: fc.nat(0xffff_ffff),
    body: fc.uint8Array({ maxLength: 300 }),
  });
  fc.assert(
    fc.property(fc.array(anyFrame, { maxLength: 8 }), fc.array(fc.nat(400), { maxLength: 40 }), (frames, sizes) => {
      const stream = Buffer.concat(frames.map((f) => encodeFrame(f.version, f.commandId, f.body)));
      const decoder = new FrameDecoder();
      const out: { version: number; commandId: number; body: Uint8Array }[] = [];
      let at = 0;
      for (const size of [...sizes, stream.length]) {
        decoder.push(stream.subarray(at, at + size));
        at += size;
        while (decoder.next() === Decoded.frame) {
          out.push({ version: decoder.version, commandId: decoder.commandId, body: Uint8Array.from(decoder.body) });
        }
      }
      expect(out).toEqual(frames);
    }),
  );
});
