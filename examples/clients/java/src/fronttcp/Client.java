package fronttcp;

import java.io.BufferedInputStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.ReentrantLock;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.SSLSocketFactory;

/** One user's connection to fronttcp. It comes back by itself, with full jitter, or when the server says so. No dependency. */
public final class Client implements AutoCloseable {
  private static final int VERSION = 1100;
  private static final int VERIFY = 1, SINGLE = 2, BROADCAST = 4, HEARTBEAT = 5, ACKNOWLEDGE = 6, REPLY = 7;
  private static final int VERDICT = 101, ACCEPTED = 110, REFUSED = 111, GOODBYE = 112;
  private static final List<String> FEATURES = List.of("ack", "receipts", "errors", "pong", "goodbye");
  private static final int HEARTBEAT_MS = 30_000, CONNECT_MS = 10_000, VERDICT_MS = 35_000, LASTING_MS = 10_000, WRITE_MS = 10_000;
  private static final int MISSED_HEARTBEATS = 3, REMEMBERED_IDS = 10_000, FIRST_BACKOFF_MS = 500;
  /** No caller waits longer than 25 s: few lost replies are still of use. */
  private static final int REMEMBERED_REPLIES = 100;
  /** Coming back after these would throw out the rightful holder, or is pointless. */
  private static final Set<String> FINAL_REASONS = Set.of("taken_over", "logged_out");

  /** Handles a message. It is acknowledged when this returns, and comes again on the next connection when it throws. */
  public interface MessageHandler {
    void handle(long commandId, Map<String, Object> message, String json) throws IOException;
  }

  /**
   * Returns the reply to a message that asks: what Json.write takes. It is sent, then the message is acknowledged. When this throws, no reply
   * is sent, and the message comes again on the next connection.
   */
  public interface AskHandler {
    Object reply(long commandId, Map<String, Object> message, String json) throws Exception;
  }

  /** Told what happens beside the messages: verified, accepted, refused, goodbye, not_replied, reconnecting. */
  public interface EventHandler {
    void handle(String name, String detail);
  }

  /** The end: the token was refused, or the server ended this client for good. */
  public static final class EndedException extends Exception {
    EndedException(String reason) {
      super(reason);
    }
  }

  private final String host, userId, token;
  private final int port, maxBackoffMs;
  private final boolean tls;
  private final MessageHandler onMessage;
  private final EventHandler onEvent;
  private final Set<String> taken = new LinkedHashSet<>();
  /** Frames of the newest replies by ask. One may be lost with its connection: it is sent again when its message comes again. */
  private final Map<String, byte[]> replies =
      Collections.synchronizedMap(
          new LinkedHashMap<String, byte[]>() {
            @Override
            protected boolean removeEldestEntry(Map.Entry<String, byte[]> eldest) {
              return size() > REMEMBERED_REPLIES;
            }
          });
  private volatile AskHandler onAsk;
  private final CountDownLatch closing = new CountDownLatch(1);
  private final AtomicLong lastRef = new AtomicLong();
  private final ReentrantLock writing = new ReentrantLock();
  /** Without TLS: close() of a TLS socket waits for a write that is blocked, close() of this one ends it. */
  private volatile Socket socket;
  /** Null until the verify is accepted. */
  private volatile OutputStream out;
  /** Of the write that holds the lock; the largest number without one. */
  private volatile long writeBeganMs = Long.MAX_VALUE;
  private long verifiedAtMs, pauseMs;

  public Client(
      String host, int port, boolean tls, String userId, String token, int maxBackoffMs, MessageHandler onMessage, EventHandler onEvent) {
    this.host = host;
    this.port = port;
    this.tls = tls;
    this.userId = userId;
    this.token = token;
    this.maxBackoffMs = maxBackoffMs;
    this.onMessage = onMessage;
    this.onEvent = onEvent;
  }

  /** Without it, the message handler gets the messages that ask, and reply() answers them. */
  public Client onAsk(AskHandler handler) {
    onAsk = handler;
    return this;
  }

  /** Answers a message that asks. The first reply counts; it does not acknowledge. It is sent again when the message comes again. */
  public void reply(Map<String, Object> message, Object reply) throws IOException {
    Map<String, Object> body = new LinkedHashMap<>();
    body.put("ask", message.get("ask"));
    body.put("reply", reply);
    byte[] frame = frame(REPLY, body);
    if (message.get("ask") instanceof String ask) replies.put(ask, frame);
    write(frame);
  }

  /** Connects, and comes back until it may not. Returns after close(). */
  public void run() throws EndedException, InterruptedException {
    for (int attempt = 1; !isClosed(); attempt++) {
      verifiedAtMs = 0;
      pauseMs = -1;
      String cause = "the server closed the connection";
      try {
        converse();
      } catch (IOException | RuntimeException error) {
        cause = String.valueOf(error.getMessage());
      }
      if (isClosed()) return;
      if (verifiedAtMs > 0 && now() - verifiedAtMs >= LASTING_MS) attempt = 1;
      long pause = pauseMs >= 0 ? pauseMs : backoffMs(attempt);
      onEvent.handle("reconnecting", Json.write(Map.of("cause", cause, "delay_ms", pause)));
      if (closing.await(pause, TimeUnit.MILLISECONDS)) return;
    }
  }

  /**
   * Sends to one user, to everyone who is connected without one. Returns the ref that accepted and refused carry. It throws before the
   * event verified, and while the client comes back.
   */
  public String send(String to, String content) throws IOException {
    Map<String, Object> body = new LinkedHashMap<>();
    String ref = Long.toString(lastRef.incrementAndGet());
    body.put("chat_from", userId);
    if (to != null) body.put("chat_to", to);
    body.put("chat_content", content);
    body.put("ref", ref);
    write(to == null ? BROADCAST : SINGLE, body);
    return ref;
  }

  @Override
  public void close() {
    closing.countDown();
    closeQuietly(socket);
  }

  private boolean isClosed() {
    return closing.getCount() == 0;
  }

  private void write(int commandId, Map<String, Object> body) throws IOException {
    write(frame(commandId, body));
  }

  private static byte[] frame(int commandId, Map<String, Object> body) throws IOException {
    byte[] bytes = body == null ? new byte[0] : Json.write(body).getBytes(StandardCharsets.UTF_8);
    if (Frame.HEADER_BYTES + bytes.length > Frame.MAX_FRAME_BYTES) throw new IOException("larger than a frame may be: " + bytes.length + " bytes");
    return new Frame(VERSION, commandId, bytes).encode();
  }

  private void write(byte[] frame) throws IOException {
    lockForWrite();
    try {
      writeBeganMs = now();
      OutputStream verified = out;
      if (verified == null) throw new IOException("not connected");
      verified.write(frame);
      verified.flush();
    } finally {
      writeBeganMs = Long.MAX_VALUE;
      writing.unlock();
    }
  }

  /** Java has no time limit for a write. Whoever waits for one ends its connection when it takes too long; the heartbeats wait, too. */
  private void lockForWrite() throws IOException {
    try {
      for (;;) {
        Socket blocked = socket;
        if (writing.tryLock(WRITE_MS / 10, TimeUnit.MILLISECONDS)) return;
        if (now() - writeBeganMs >= WRITE_MS) closeQuietly(blocked);
      }
    } catch (InterruptedException interrupted) {
      Thread.currentThread().interrupt();
      throw new InterruptedIOException("interrupted before the write");
    }
  }

  private Socket open() throws IOException {
    Socket plain = new Socket();
    socket = plain;
    // After close() can find it: one of the two closes it.
    if (isClosed()) throw new IOException("closed");
    plain.connect(new InetSocketAddress(host, port), CONNECT_MS);
    plain.setTcpNoDelay(true);
    return tls ? secure(plain) : plain;
  }

  private Socket secure(Socket plain) throws IOException {
    SSLSocket secure = (SSLSocket) ((SSLSocketFactory) SSLSocketFactory.getDefault()).createSocket(plain, host, port, true);
    SSLParameters parameters = secure.getSSLParameters();
    parameters.setEndpointIdentificationAlgorithm("HTTPS");
    secure.setSSLParameters(parameters);
    // With a time limit: a server may accept and be silent.
    secure.setSoTimeout(CONNECT_MS);
    secure.startHandshake();
    return secure;
  }

  /** One connection, from its verify to its end. */
  private void converse() throws IOException, EndedException {
    Heart heart = null;
    try {
      Socket own = open();
      OutputStream opened = own.getOutputStream();
      Map<String, Object> verify = new LinkedHashMap<>();
      verify.put("phone_number", userId);
      verify.put("token", token);
      verify.put("features", FEATURES);
      verify.put("max_frame_bytes", Frame.MAX_FRAME_BYTES);
      opened.write(frame(VERIFY, verify));
      opened.flush();
      own.setSoTimeout(VERDICT_MS);
      DataInputStream in = new DataInputStream(new BufferedInputStream(own.getInputStream(), 16_384));
      for (;;) {
        Frame frame = Frame.read(in, Frame.MAX_FRAME_BYTES, Frame.MAX_SKIPPED_BYTES);
        int id = (int) Math.min(frame.commandId(), Integer.MAX_VALUE);
        if (id == VERDICT) {
          int everyMs = verdict(frame.text(), opened);
          // Every beat is answered: that many without a byte, and the server is dead.
          own.setSoTimeout(MISSED_HEARTBEATS * everyMs + everyMs / 2);
          if (heart == null) (heart = new Heart(everyMs)).start();
        } else {
          handle(id, frame);
        }
      }
    } finally {
      // First: it ends a write that is blocked.
      closeQuietly(socket);
      out = null;
      if (heart != null) heart.interrupt();
    }
  }

  private int verdict(String text, OutputStream opened) throws EndedException {
    Map<String, Object> body = Json.object(text);
    if (!Double.valueOf(1).equals(body.get("code"))) throw new EndedException("the token was refused");
    verifiedAtMs = now();
    out = opened;
    onEvent.handle("verified", text);
    double borne = body.get("heartbeat_timeout_ms") instanceof Double ms ? ms : 3.0 * HEARTBEAT_MS;
    return (int) Math.min(HEARTBEAT_MS, Math.max(1, borne / 3));
  }

  /** A heartbeat reply has done its work by coming; what is not known is of a newer server. */
  private void handle(int id, Frame frame) throws IOException, EndedException {
    if (id >= 102 && id <= 104 || id >= 2000 && id <= 2999) take(id, frame.text());
    else if (id == ACCEPTED) onEvent.handle("accepted", frame.text());
    else if (id == REFUSED) onEvent.handle("refused", frame.text());
    else if (id == GOODBYE) {
      Map<String, Object> body = Json.object(frame.text());
      if (body.get("reconnect_after_ms") instanceof Double ms) pauseMs = ms.longValue();
      onEvent.handle("goodbye", frame.text());
      String reason = String.valueOf(body.get("reason"));
      if (FINAL_REASONS.contains(reason)) throw new EndedException(reason);
    }
  }

  /** What comes twice is not handed over again, but acknowledged again: its acknowledgement was lost with its connection. */
  private void take(int commandId, String text) throws IOException {
    Map<String, Object> message = Json.object(text);
    String id = message.get("id") instanceof String string ? string : null;
    byte[] reply = message.get("ask") instanceof String ask ? replies.get(ask) : null;
    if (reply != null) write(reply);
    if (id == null || !taken.contains(id)) {
      if (onAsk == null || !(message.get("ask") instanceof String)) onMessage.handle(commandId, message, text);
      else if (reply == null && !answer(commandId, message, text)) return;
    }
    if (id == null) return;
    taken.add(id);
    if (taken.size() > REMEMBERED_IDS) taken.remove(taken.iterator().next());
    write(ACKNOWLEDGE, Map.of("ids", List.of(id)));
  }

  private boolean answer(int commandId, Map<String, Object> message, String text) {
    try {
      reply(message, onAsk.reply(commandId, message, text));
      return true;
    } catch (Exception error) {
      onEvent.handle("not_replied", Json.write(Map.of("ask", message.get("ask"), "cause", String.valueOf(error.getMessage()))));
      return false;
    }
  }

  /** Full jitter: the clients of a server that died must not all come back at the same moment. */
  private long backoffMs(int attempt) {
    long bound = Math.min(maxBackoffMs, (long) FIRST_BACKOFF_MS << Math.min(attempt - 1, 10));
    return ThreadLocalRandom.current().nextLong(bound + 1);
  }

  private static long now() {
    return System.nanoTime() / 1_000_000 + 1;
  }

  private static void closeQuietly(Socket socket) {
    try {
      if (socket != null) socket.close();
    } catch (IOException ignored) {
      // It is gone either way.
    }
  }

  private final class Heart extends Thread {
    private final int everyMs;

    Heart(int everyMs) {
      this.everyMs = everyMs;
      setDaemon(true);
    }

    @Override
    public void run() {
      try {
        for (;;) {
          Thread.sleep(everyMs);
          write(HEARTBEAT, null);
        }
      } catch (IOException | InterruptedException ended) {
        // With its connection.
      }
    }
  }
}
