package shop.plugin;

/** Requests that the service answers. */
public class HandlerDefinition extends OneMethod {
  public HandlerDefinition() {
    super("shop.Handler", "handle", "shop.plugin.HandlerInterceptor");
  }
}
