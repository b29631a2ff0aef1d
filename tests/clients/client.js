// Sends 5 spans, 3 log records and a sum of 7 with the OpenTelemetry SDK for Node, which takes its
// exporters, endpoint and encoding from OTEL_* variables.

const { metrics, trace } = require('@opentelemetry/api');
const { logs, SeverityNumber } = require('@opentelemetry/api-logs');
const { NodeSDK } = require('@opentelemetry/sdk-node');

const sdk = new NodeSDK();
sdk.start();

const tracer = trace.getTracer('client');
for (let number = 0; number < 5; number += 1) {
  tracer.startActiveSpan(`work ${number}`, (span) => {
    span.setAttribute('emoji', '\u{1F600}');
    span.addEvent('done');
    span.end();
  });
}
const logger = logs.getLogger('client');
for (let number = 0; number < 3; number += 1) {
  logger.emit({ body: `line ${number}`, severityNumber: SeverityNumber.ERROR });
}
metrics.getMeter('client').createCounter('jobs').add(7);

sdk.shutdown().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
