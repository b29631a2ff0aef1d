"""Sends 5 spans, 3 log records and a sum of 7 with the OpenTelemetry SDK for Python.

Run as `client.py grpc|http`; the endpoint, TLS and compression come from OTEL_* variables.
"""

import importlib
import sys

from opentelemetry import trace
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor


def exporter(signal, name):
    module = f"opentelemetry.exporter.otlp.proto.{sys.argv[1]}.{signal}"
    return getattr(importlib.import_module(module), name)()


tracers = TracerProvider()
tracers.add_span_processor(BatchSpanProcessor(exporter("trace_exporter", "OTLPSpanExporter")))
meters = MeterProvider(
    [PeriodicExportingMetricReader(exporter("metric_exporter", "OTLPMetricExporter"))]
)
loggers = LoggerProvider()
loggers.add_log_record_processor(
    BatchLogRecordProcessor(exporter("_log_exporter", "OTLPLogExporter"))
)

tracer = tracers.get_tracer("client")
for number in range(5):
    with tracer.start_as_current_span(f"work {number}") as span:
        span.set_attribute("emoji", "\N{GRINNING FACE}")
        span.add_event("done")
logger = loggers.get_logger("client")
for number in range(3):
    logger.emit(LogRecord(body=f"line {number}", severity_number=SeverityNumber.ERROR))
meters.get_meter("client").create_counter("jobs").add(7)

for provider in (tracers, loggers, meters):
    provider.shutdown()
