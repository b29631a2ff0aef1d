package shop.plugin;

/** Requests that the service makes. */
public class CallerDefinition extends OneMethod {
  public CallerDefinition() {
    super("shop.Caller", "call", "shop.plugin.CallerInterceptor");
  }
}
