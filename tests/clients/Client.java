import com.sun.net.httpserver.HttpServer;
import java.net.HttpURLConnection;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.util.logging.Logger;

/** Calls itself over HTTP three times and logs each call; the OpenTelemetry agent sees all of it. */
public class Client {
  public static void main(String[] args) throws Exception {
    InetSocketAddress anyPort = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
    HttpServer server = HttpServer.create(anyPort, 0);
    server.createContext(
        "/work",
        exchange -> {
          exchange.sendResponseHeaders(204, -1);
          exchange.close();
        });
    server.start();
    Logger log = Logger.getLogger("client");
    for (int number = 0; number < 3; number++) {
      URI work = URI.create("http://127.0.0.1:" + server.getAddress().getPort() + "/work");
      HttpURLConnection connection = (HttpURLConnection) work.toURL().openConnection();
      log.severe("line " + number + " answered " + connection.getResponseCode());
    }
    server.stop(0);
  }
}
