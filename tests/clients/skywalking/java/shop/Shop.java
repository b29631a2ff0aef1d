package shop;

import com.sun.net.httpserver.HttpServer;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.concurrent.Executors;

/** A service of two endpoints, one of which calls the other; says on which port it listens. */
public class Shop {
  public static void main(String[] args) throws Exception {
    InetSocketAddress anyPort = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
    HttpServer server = HttpServer.create(anyPort, 0);
    int port = server.getAddress().getPort();
    server.setExecutor(Executors.newFixedThreadPool(4));
    server.createContext("/", new Handler(port));
    server.start();
    System.out.println("listening on " + port);
  }
}
