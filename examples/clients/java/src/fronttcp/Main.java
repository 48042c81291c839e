package fronttcp;

import java.io.BufferedReader;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.CountDownLatch;

/**
 * The client as a program: prints each message as a line of JSON, sends each line of standard input.
 * FRONTTCP_TOKEN=… java -jar fronttcp.jar host port user-id [recipient]. With FRONTTCP_REPLY='{"celsius": 21.5}' it replies so to every
 * message that asks. With --decode it reads frames, for tests.
 */
public final class Main {
  private static final PrintStream OUT = new PrintStream(System.out, true, StandardCharsets.UTF_8);

  private Main() {}

  public static void main(String[] arguments) throws Exception {
    String token = System.getenv("FRONTTCP_TOKEN");
    if (arguments.length == 1 && arguments[0].equals("--decode")) {
      decode();
      return;
    }
    if (arguments.length < 3 || token == null) {
      System.err.println("usage: FRONTTCP_TOKEN=... java -jar fronttcp.jar host port user-id [recipient]");
      System.exit(2);
    }
    // Shorter for tests alone: a fleet that comes back at once is a flood.
    String backoff = System.getenv("FRONTTCP_BACKOFF_MAX_MS");
    int maxBackoffMs = backoff == null ? 30_000 : Integer.parseInt(backoff);
    CountDownLatch verified = new CountDownLatch(1);
    Client client =
        new Client(
            arguments[0],
            Integer.parseInt(arguments[1]),
            false,
            arguments[2],
            token,
            maxBackoffMs,
            (commandId, message, json) -> OUT.println(json),
            (name, detail) -> {
              System.err.println(name + " " + detail);
              if (name.equals("verified")) verified.countDown();
            });
    String reply = System.getenv("FRONTTCP_REPLY");
    if (reply != null) {
      client.onAsk(
          (commandId, message, json) -> {
            OUT.println(json);
            return Json.parse(reply);
          });
    }
    Thread lines = new Thread(() -> sendLines(client, verified, arguments.length > 3 ? arguments[3] : null));
    lines.setDaemon(true);
    lines.start();
    try {
      client.run();
    } catch (Client.EndedException ended) {
      System.err.println(ended.getMessage());
      System.exit(1);
    }
  }

  private static void sendLines(Client client, CountDownLatch verified, String to) {
    try (BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8))) {
      verified.await();
      for (String line = in.readLine(); line != null; line = in.readLine()) {
        try {
          client.send(to, line);
        } catch (IOException error) {
          System.err.println("not sent: " + error.getMessage());
        }
      }
    } catch (IOException | InterruptedException ended) {
      // Nothing more to send.
    }
  }

  /** Prints `version command_id body` of each frame, or `invalid`. */
  private static void decode() throws IOException {
    DataInputStream in = new DataInputStream(System.in);
    try {
      for (;;) {
        Frame frame = Frame.read(in, Frame.MAX_FRAME_BYTES, 0);
        OUT.println(frame.version() + " " + frame.commandId() + " " + frame.text());
      }
    } catch (EOFException end) {
      // All is read.
    } catch (Frame.ProtocolException error) {
      OUT.println("invalid");
    }
  }
}
