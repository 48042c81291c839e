package fronttcp;

import java.io.DataInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/** A header (length, version, command id: unsigned, 32 bits, big-endian; length counts the header too) and a body of UTF-8 JSON, or nothing. */
public record Frame(long version, long commandId, byte[] body) {
  static final int HEADER_BYTES = 12;
  /** The largest frame that is taken. The verify names it: the server sends no larger one. */
  public static final int MAX_FRAME_BYTES = 1 << 16;
  /** A larger frame is skipped, up to this. No server sends more: what claims to is not of this protocol. */
  static final int MAX_SKIPPED_BYTES = 1 << 24;

  /** The other side does not speak this protocol. */
  public static final class ProtocolException extends IOException {
    ProtocolException(long length) {
      super("a frame of length " + length);
    }
  }

  public String text() {
    return new String(body, StandardCharsets.UTF_8);
  }

  public byte[] encode() {
    return ByteBuffer.allocate(HEADER_BYTES + body.length)
        .putInt(HEADER_BYTES + body.length)
        .putInt((int) version)
        .putInt((int) commandId)
        .put(body)
        .array();
  }

  /** Reads one frame, however the network has cut it. Larger ones are skipped up to skipBytes. */
  public static Frame read(DataInputStream in, int maxFrameBytes, int skipBytes) throws IOException {
    for (;;) {
      long length = Integer.toUnsignedLong(in.readInt());
      long version = Integer.toUnsignedLong(in.readInt());
      long commandId = Integer.toUnsignedLong(in.readInt());
      // Before the body is waited for: a hostile length costs nothing.
      if (length < HEADER_BYTES || length > Math.max(maxFrameBytes, skipBytes)) throw new ProtocolException(length);
      if (length > maxFrameBytes) {
        in.skipNBytes(length - HEADER_BYTES);
        continue;
      }
      byte[] body = new byte[(int) length - HEADER_BYTES];
      in.readFully(body);
      return new Frame(version, commandId, body);
    }
  }
}
