//! The gRPC methods of an OAP, and what their messages are.

use bytes::Bytes;
use pdata::Signal;
use pdata::skywalking::v3::{
    BrowserErrorLog, BrowserPerfData, BrowserResourcePerfData, BrowserWebInteractionsPerfData,
    BrowserWebVitalsPerfData, ClrMetricCollection, Event, InstancePingPkg, InstanceProperties,
    JvmMetricCollection, LogData, MeterData, MeterDataCollection, SegmentCollection, SegmentObject,
    SpanAttachedEvent,
};
use prost::Message;

use crate::harness::Export;

/// Where native segments go.
pub(crate) const SEGMENTS: &str = "/skywalking.v3.TraceSegmentReportService/collect";
/// Where native logs go.
pub(crate) const LOGS: &str = "/skywalking.v3.LogReportService/collect";
/// Where native meters go; one stream is one set.
pub(crate) const METERS: &str = "/skywalking.v3.MeterReportService/collect";
/// Where native meters go; one message is one set.
pub(crate) const METER_SETS: &str = "/skywalking.v3.MeterReportService/collectBatch";
pub(crate) const JVM: &str = "/skywalking.v3.JVMMetricReportService/collect";
pub(crate) const EVENTS: &str = "/skywalking.v3.EventService/collect";
pub(crate) const KEEP_ALIVE: &str = "/skywalking.v3.ManagementService/keepAlive";
pub(crate) const PROPERTIES: &str = "/skywalking.v3.ManagementService/reportInstanceProperties";
/// A query whose answer is a command for an agent.
pub(crate) const PROFILE_TASKS: &str = "/skywalking.v3.ProfileTask/getProfileTaskCommands";
/// Where a profiler waits for an answer before it sends the rest.
pub(crate) const ASYNC_PROFILER: &str = "/skywalking.v10.AsyncProfilerTask/collect";
pub(crate) const OTLP_TRACES: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
pub(crate) const OTLP_METRICS: &str =
    "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export";
pub(crate) const OTLP_LOGS: &str = "/opentelemetry.proto.collector.logs.v1.LogsService/Export";

/// A message that was taken.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Item {
    Segment(SegmentObject),
    AttachedEvent(SpanAttachedEvent),
    Log(LogData),
    Meter(MeterData),
    /// Each is a set of its own.
    Meters(MeterDataCollection),
    Jvm(JvmMetricCollection),
    Clr(ClrMetricCollection),
    Event(Event),
    Properties(InstanceProperties),
    KeepAlive(InstancePingPkg),
    BrowserPerf(BrowserPerfData),
    BrowserVitals(BrowserWebVitalsPerfData),
    BrowserResource(BrowserResourcePerfData),
    BrowserInteractions(BrowserWebInteractionsPerfData),
    BrowserError(BrowserErrorLog),
    Otlp(Export),
    /// What only passes through: queries, and what profilers and observers of the kernel send.
    Opaque(Bytes),
}

/// How the messages of a call come and go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// One message, then the answer.
    Unary,
    /// Any number of messages, then the answer.
    Stream,
    /// The answer to the first message comes before the others.
    Profiler,
}

/// One method. The answer of each has only optional parts, so an empty one says "well".
#[derive(Clone, Copy)]
pub(super) struct Method {
    pub(super) path: &'static str,
    pub(super) shape: Shape,
    pub(super) read: fn(Bytes) -> Result<Vec<Item>, String>,
}

/// The method at this path; the names from before the package `skywalking.v3` are the same methods.
pub(super) fn find(path: &str) -> Option<Method> {
    let named = |path: &str| METHODS.into_iter().find(|method| method.path == path);
    named(path).or_else(|| {
        let (service, method) = path.strip_prefix('/')?.split_once('/')?;
        let path = format!("/skywalking.v3.{service}/{method}");
        named(&path).filter(|_| WITHOUT_PACKAGE.contains(&service))
    })
}

/// Services that an OAP also has without a package.
const WITHOUT_PACKAGE: [&str; 7] = [
    "BrowserPerfService",
    "CLRMetricReportService",
    "JVMMetricReportService",
    "ManagementService",
    "MeterReportService",
    "ProfileTask",
    "TraceSegmentReportService",
];

/// Reads a message of one type into one item.
macro_rules! one {
    ($kind:ident) => {
        |message| match Message::decode(message) {
            Ok(it) => Ok(vec![Item::$kind(it)]),
            Err(error) => Err(error.to_string()),
        }
    };
}

macro_rules! methods {
    ($($path:expr, $shape:ident, $read:expr;)*) => {
        [$(Method { path: $path, shape: Shape::$shape, read: $read }),*]
    };
}

const METHODS: [Method; 38] = methods! {
    SEGMENTS, Stream, one!(Segment);
    "/skywalking.v3.TraceSegmentReportService/collectInSync", Unary, segments;
    "/skywalking.v3.SpanAttachedEventReportService/collect", Stream, one!(AttachedEvent);
    LOGS, Stream, one!(Log);
    METERS, Stream, one!(Meter);
    METER_SETS, Stream, one!(Meters);
    JVM, Unary, one!(Jvm);
    "/skywalking.v3.CLRMetricReportService/collect", Unary, one!(Clr);
    EVENTS, Stream, one!(Event);
    PROPERTIES, Unary, one!(Properties);
    KEEP_ALIVE, Unary, one!(KeepAlive);
    "/skywalking.v3.BrowserPerfService/collectPerfData", Unary, one!(BrowserPerf);
    "/skywalking.v3.BrowserPerfService/collectWebVitalsPerfData", Unary, one!(BrowserVitals);
    "/skywalking.v3.BrowserPerfService/collectResourcePerfData", Unary, one!(BrowserResource);
    "/skywalking.v3.BrowserPerfService/collectWebInteractionsPerfData", Unary, one!(BrowserInteractions);
    "/skywalking.v3.BrowserPerfService/collectErrorLogs", Stream, one!(BrowserError);
    "/skywalking.v3.ConfigurationDiscoveryService/fetchConfigurations", Unary, opaque;
    PROFILE_TASKS, Unary, opaque;
    "/skywalking.v3.ProfileTask/collectSnapshot", Stream, opaque;
    "/skywalking.v3.ProfileTask/goProfileReport", Stream, opaque;
    "/skywalking.v3.ProfileTask/reportTaskFinish", Unary, opaque;
    ASYNC_PROFILER, Profiler, opaque;
    "/skywalking.v10.AsyncProfilerTask/getAsyncProfilerTaskCommands", Unary, opaque;
    "/skywalking.v10.PprofTask/collect", Profiler, opaque;
    "/skywalking.v10.PprofTask/getPprofTaskCommands", Unary, opaque;
    "/skywalking.v3.ServiceMeshMetricService/collect", Stream, opaque;
    "/skywalking.v3.EBPFProcessService/reportProcesses", Unary, opaque;
    "/skywalking.v3.EBPFProcessService/keepAlive", Unary, opaque;
    "/skywalking.v3.EBPFProfilingService/queryTasks", Unary, opaque;
    "/skywalking.v3.EBPFProfilingService/collectProfilingData", Stream, opaque;
    "/skywalking.v3.ContinuousProfilingService/queryPolicies", Unary, opaque;
    "/skywalking.v3.ContinuousProfilingService/reportProfilingTask", Unary, opaque;
    "/skywalking.v3.EBPFAccessLogService/collect", Stream, opaque;
    "/RemoteService/call", Stream, opaque;
    "/grpc.health.v1.Health/Check", Unary, opaque;
    OTLP_TRACES, Unary, |message| otlp(Signal::Traces, &message);
    OTLP_METRICS, Unary, |message| otlp(Signal::Metrics, &message);
    OTLP_LOGS, Unary, |message| otlp(Signal::Logs, &message);
};

fn segments(message: Bytes) -> Result<Vec<Item>, String> {
    let collection = SegmentCollection::decode(message).map_err(|error| error.to_string())?;
    Ok(collection.segments.into_iter().map(Item::Segment).collect())
}

fn opaque(message: Bytes) -> Result<Vec<Item>, String> {
    Ok(vec![Item::Opaque(message)])
}

fn otlp(signal: Signal, message: &[u8]) -> Result<Vec<Item>, String> {
    Ok(vec![Item::Otlp(Export::from_protobuf(signal, message)?)])
}
