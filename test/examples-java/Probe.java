import fronttcp.Client;
import java.io.IOException;
import java.net.Proxy;
import java.net.ProxySelector;
import java.net.SocketAddress;
import java.net.URI;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;

/**
 * The client as a library, for what its program cannot show: Probe what port.
 * closing: close() is called while it connects. failing: the first message fails. tls: it connects with TLS.
 * blocked: close() is called while a send is blocked. unread: while a send is blocked, a message is acknowledged.
 * pausing: close() is called before it pauses.
 */
public final class Probe {
  private static Client client;
  private static int messages;
  private static String what;
  private static final AtomicLong sent = new AtomicLong();

  private Probe() {}

  public static void main(String[] arguments) throws Exception {
    what = arguments[0];
    int port = Integer.parseInt(arguments[1]);
    client = new Client("127.0.0.1", port, what.equals("tls"), "me", "any", 50, Probe::onMessage, (name, detail) -> onEvent(name));
    if (what.equals("closing")) ProxySelector.setDefault(new ClosingSelector());
    client.run();
  }

  private static void onMessage(long commandId, Map<String, Object> message, String json) {
    messages++;
    if (what.equals("unread")) awaitBlocked();
    else if (messages == 1) throw new IllegalStateException("not ready");
  }

  private static void onEvent(String name) {
    boolean isVerified = name.equals("verified");
    if (isVerified && (what.equals("blocked") || what.equals("unread"))) new Thread(Probe::sendUntilItFails).start();
    if (isVerified && what.equals("blocked")) new Thread(Probe::closeWhenBlocked).start();
    if (name.equals("reconnecting") && what.equals("pausing")) client.close();
  }

  private static void sendUntilItFails() {
    try {
      for (;;) {
        client.send("you", "x".repeat(60_000));
        sent.incrementAndGet();
      }
    } catch (IOException ended) {
      // With its connection.
    }
  }

  private static void closeWhenBlocked() {
    awaitBlocked();
    client.close();
  }

  private static void awaitBlocked() {
    try {
      for (long before = 0; before == 0 || before != sent.get(); Thread.sleep(500)) before = sent.get();
    } catch (InterruptedException ended) {
      throw new IllegalStateException(ended);
    }
  }

  /** Java asks it for a proxy within connect(). */
  private static final class ClosingSelector extends ProxySelector {
    @Override
    public List<Proxy> select(URI uri) {
      client.close();
      return List.of(Proxy.NO_PROXY);
    }

    @Override
    public void connectFailed(URI uri, SocketAddress address, IOException error) {}
  }
}
