import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Decoded, encodeFrame, FrameDecoder } from '../../contract/wire/frame.ts';

const MAX_FRAME_BYTES = 4_096;
const u32 = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const frame = fc.record({ version: u32, commandId: u32, body: fc.uint8Array({ maxLength: 600 }) });

type Frame = { version: number; commandId: number; body: string };

function cut(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const chunks: Buffer[] = [];
  let at = 0;
  for (let i = 0; at < bytes.length; i += 1) {
    const size = sizes.length === 0 ? bytes.length : (sizes[i % sizes.length] ?? 1);
    chunks.push(bytes.subarray(at, at + size));
    at += size;
  }
  return chunks;
}

/** Feeds chunks, pausing (`detach`) where asked to, and wiping each chunk when the decoder has let go of it. */
function decode(chunks: readonly Buffer[], pauses: readonly boolean[]): { frames: Frame[]; isInvalid: boolean } {
  const decoder = new FrameDecoder(MAX_FRAME_BYTES);
  const frames: Frame[] = [];
  let isInvalid = false;
  let step = 0;
  for (const original of chunks) {
    const chunk = Buffer.from(original);
    decoder.push(chunk);
    for (;;) {
      const found = decoder.next();
      if (found === Decoded.invalid) isInvalid = true;
      if (found !== Decoded.frame) break;
      const { version, commandId, body } = decoder;
      frames.push({ version, commandId, body: body.toString('hex') });
      step += 1;
      if (pauses[step % Math.max(1, pauses.length)]) decoder.detach();
    }
    chunk.fill(0xee);
  }
  return { frames, isInvalid };
}

const sizes = fc.array(fc.integer({ min: 1, max: 700 }), { maxLength: 20 });
const pauses = fc.array(fc.boolean(), { maxLength: 5 });

test('frames are decoded as they were encoded, however they are cut, paused, and their chunks reused', () => {
  fc.assert(
    fc.property(fc.array(frame, { maxLength: 12 }), sizes, pauses, (frames, cuts, stops) => {
      const bytes = Buffer.concat(frames.map((f) => encodeFrame(f.version, f.commandId, Buffer.from(f.body))));
      const expected = frames.map((f) => ({ ...f, body: Buffer.from(f.body).toString('hex') }));
      expect(decode(cut(bytes, cuts), stops)).toEqual({ frames: expected, isInvalid: false });
    }),
    { numRuns: 300 },
  );
});

test('any bytes: the decoded frames do not depend on the cuts, and none follows an invalid length', () => {
  fc.assert(
    fc.property(fc.array(frame, { maxLength: 4 }), fc.uint8Array({ maxLength: 64 }), sizes, (frames, noise, cuts) => {
      const good = frames.map((f) => encodeFrame(f.version, f.commandId, Buffer.from(f.body)));
      const bytes = Buffer.concat([...good, Buffer.from(noise)]);
      const whole = decode([bytes], []);
      expect(decode(cut(bytes, cuts), [])).toEqual(whole);
      expect(whole.frames.length).toBeGreaterThanOrEqual(frames.length);
      for (const { body } of whole.frames) expect(body.length / 2 + 12).toBeLessThanOrEqual(MAX_FRAME_BYTES);
    }),
    { numRuns: 300 },
  );
});
