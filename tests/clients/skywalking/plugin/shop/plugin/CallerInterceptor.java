package shop.plugin;

import java.lang.reflect.Method;
import java.net.HttpURLConnection;
import org.apache.skywalking.apm.agent.core.context.CarrierItem;
import org.apache.skywalking.apm.agent.core.context.ContextCarrier;
import org.apache.skywalking.apm.agent.core.context.ContextManager;
import org.apache.skywalking.apm.agent.core.context.tag.Tags;
import org.apache.skywalking.apm.agent.core.context.trace.AbstractSpan;
import org.apache.skywalking.apm.agent.core.context.trace.SpanLayer;
import org.apache.skywalking.apm.agent.core.plugin.interceptor.enhance.EnhancedInstance;
import org.apache.skywalking.apm.agent.core.plugin.interceptor.enhance.InstanceMethodsAroundInterceptor;
import org.apache.skywalking.apm.agent.core.plugin.interceptor.enhance.MethodInterceptResult;
import org.apache.skywalking.apm.network.trace.component.ComponentsDefine;

/** Makes an Exit span of a call, and gives its context to the service that is called. */
public class CallerInterceptor implements InstanceMethodsAroundInterceptor {
  @Override
  public void beforeMethod(
      EnhancedInstance caller,
      Method method,
      Object[] arguments,
      Class<?>[] types,
      MethodInterceptResult result) {
    HttpURLConnection connection = (HttpURLConnection) arguments[0];
    ContextCarrier carrier = new ContextCarrier();
    AbstractSpan span =
        ContextManager.createExitSpan(
            connection.getURL().getPath(), carrier, connection.getURL().getAuthority());
    Tags.URL.set(span, connection.getURL().toString());
    span.setComponent(ComponentsDefine.JDK_HTTP);
    SpanLayer.asHttp(span);
    for (CarrierItem item = carrier.items(); item.hasNext(); ) {
      item = item.next();
      connection.setRequestProperty(item.getHeadKey(), item.getHeadValue());
    }
  }

  @Override
  public Object afterMethod(
      EnhancedInstance caller,
      Method method,
      Object[] arguments,
      Class<?>[] types,
      Object returned) {
    ContextManager.stopSpan();
    return returned;
  }

  @Override
  public void handleMethodException(
      EnhancedInstance caller,
      Method method,
      Object[] arguments,
      Class<?>[] types,
      Throwable thrown) {
    ContextManager.activeSpan().log(thrown);
  }
}
