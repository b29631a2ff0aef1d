package shop.plugin;

import com.sun.net.httpserver.HttpExchange;
import java.lang.reflect.Method;
import org.apache.skywalking.apm.agent.core.boot.ServiceManager;
import org.apache.skywalking.apm.agent.core.conf.Config;
import org.apache.skywalking.apm.agent.core.context.CarrierItem;
import org.apache.skywalking.apm.agent.core.context.ContextCarrier;
import org.apache.skywalking.apm.agent.core.context.ContextManager;
import org.apache.skywalking.apm.agent.core.context.tag.Tags;
import org.apache.skywalking.apm.agent.core.context.trace.AbstractSpan;
import org.apache.skywalking.apm.agent.core.context.trace.SpanLayer;
import org.apache.skywalking.apm.agent.core.plugin.interceptor.enhance.EnhancedInstance;
import org.apache.skywalking.apm.agent.core.plugin.interceptor.enhance.InstanceMethodsAroundInterceptor;
import org.apache.skywalking.apm.agent.core.plugin.interceptor.enhance.MethodInterceptResult;
import org.apache.skywalking.apm.agent.core.remote.LogReportServiceClient;
import org.apache.skywalking.apm.network.common.v3.KeyStringValuePair;
import org.apache.skywalking.apm.network.logging.v3.LogData;
import org.apache.skywalking.apm.network.logging.v3.LogDataBody;
import org.apache.skywalking.apm.network.logging.v3.LogTags;
import org.apache.skywalking.apm.network.logging.v3.TextLog;
import org.apache.skywalking.apm.network.logging.v3.TraceContext;
import org.apache.skywalking.apm.network.trace.component.ComponentsDefine;

/** Makes an Entry span and a log record of a request. */
public class HandlerInterceptor implements InstanceMethodsAroundInterceptor {
  private static final int FIRST_SERVER_ERROR = 500;

  @Override
  public void beforeMethod(
      EnhancedInstance handler,
      Method method,
      Object[] arguments,
      Class<?>[] types,
      MethodInterceptResult result) {
    HttpExchange exchange = (HttpExchange) arguments[0];
    ContextCarrier carrier = new ContextCarrier();
    for (CarrierItem item = carrier.items(); item.hasNext(); ) {
      item = item.next();
      item.setHeadValue(exchange.getRequestHeaders().getFirst(item.getHeadKey()));
    }
    String path = exchange.getRequestURI().getPath();
    AbstractSpan span = ContextManager.createEntrySpan(path, carrier);
    Tags.URL.set(span, path);
    Tags.HTTP.METHOD.set(span, exchange.getRequestMethod());
    span.setComponent(ComponentsDefine.TOMCAT);
    SpanLayer.asHttp(span);
  }

  @Override
  public Object afterMethod(
      EnhancedInstance handler,
      Method method,
      Object[] arguments,
      Class<?>[] types,
      Object returned) {
    HttpExchange exchange = (HttpExchange) arguments[0];
    AbstractSpan span = ContextManager.activeSpan();
    if (exchange.getResponseCode() >= FIRST_SERVER_ERROR) {
      span.errorOccurred();
    }
    Tags.HTTP_RESPONSE_STATUS_CODE.set(span, exchange.getResponseCode());
    log("served " + exchange.getRequestURI());
    ContextManager.stopSpan();
    return returned;
  }

  @Override
  public void handleMethodException(
      EnhancedInstance handler,
      Method method,
      Object[] arguments,
      Class<?>[] types,
      Throwable thrown) {
    ContextManager.activeSpan().log(thrown);
  }

  private static void log(String text) {
    TraceContext context =
        TraceContext.newBuilder()
            .setTraceId(ContextManager.getGlobalTraceId())
            .setTraceSegmentId(ContextManager.getSegmentId())
            .setSpanId(ContextManager.getSpanId())
            .build();
    KeyStringValuePair level =
        KeyStringValuePair.newBuilder().setKey("level").setValue("INFO").build();
    LogData.Builder record =
        LogData.newBuilder()
            .setTimestamp(System.currentTimeMillis())
            .setService(Config.Agent.SERVICE_NAME)
            .setServiceInstance(Config.Agent.INSTANCE_NAME)
            .setTags(LogTags.newBuilder().addData(level))
            .setTraceContext(context)
            .setBody(
                LogDataBody.newBuilder()
                    .setType("text")
                    .setText(TextLog.newBuilder().setText(text)));
    ServiceManager.INSTANCE.findService(LogReportServiceClient.class).produce(record);
  }
}
