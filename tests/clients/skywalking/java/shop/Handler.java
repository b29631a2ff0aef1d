package shop;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpHandler;
import java.io.IOException;
import java.net.HttpURLConnection;
import java.net.URI;

/** Answers {@code /front} with what {@code /back} says, and fails at {@code /fail}. */
public class Handler implements HttpHandler {
  private final URI back;
  private final Caller caller = new Caller();

  public Handler(int port) {
    back = URI.create("http://127.0.0.1:" + port + "/back");
  }

  @Override
  public void handle(HttpExchange exchange) throws IOException {
    int status = 200;
    String text = "back";
    switch (exchange.getRequestURI().getPath()) {
      case "/front" -> text = "front, " + caller.call((HttpURLConnection) back.toURL().openConnection());
      case "/fail" -> {
        status = 500;
        text = "failed";
      }
      default -> {}
    }
    byte[] body = text.getBytes();
    exchange.sendResponseHeaders(status, body.length);
    exchange.getResponseBody().write(body);
    exchange.close();
  }
}
