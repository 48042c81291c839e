import fronttcp.Client;
import java.io.IOException;
import java.net.Proxy;
import java.net.ProxySelector;
import java.net.SocketAddress;
import java.net.URI;
import java.util.List;
import java.util.Map;

/**
 * The client as a library, for what its program cannot show: java -cp fronttcp.jar Probe.java what port.
 * closing: close() is called while it connects. failing: the first message fails. tls: it connects with TLS.
 */
public final class Probe {
  private static Client client;
  private static int messages;

  private Probe() {}

  public static void main(String[] arguments) throws Exception {
    String what = arguments[0];
    int port = Integer.parseInt(arguments[1]);
    client = new Client("127.0.0.1", port, what.equals("tls"), "me", "any", 50, Probe::failOnce, (name, detail) -> {});
    if (what.equals("closing")) ProxySelector.setDefault(new ClosingSelector());
    client.run();
  }

  private static void failOnce(long commandId, Map<String, Object> message, String json) {
    messages++;
    if (messages == 1) throw new IllegalStateException("not ready");
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
