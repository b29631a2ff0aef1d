package shop;

import java.io.IOException;
import java.io.InputStream;
import java.net.HttpURLConnection;

/** The one place where the service calls another, so that the plugin has a method to look at. */
public class Caller {
  public String call(HttpURLConnection connection) throws IOException {
    try (InputStream body = connection.getInputStream()) {
      return new String(body.readAllBytes());
    }
  }
}
