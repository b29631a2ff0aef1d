//! What agents report, and how a backend takes it.

use crate::Signal;
use crate::schema::{Message, skywalking as schema};

/// What a message reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Kind {
    /// A `SegmentObject`; its items are its spans.
    Segment = 1,
    /// A `LogData`.
    Log = 2,
    /// A `MeterDataCollection` of one instance, complete by itself; its items are its meters.
    Meters = 3,
    SpanAttachedEvent = 4,
    InstanceProperties = 5,
    /// A heartbeat, `InstancePingPkg`.
    InstancePing = 6,
    Jvm = 7,
    Clr = 8,
    Event = 9,
    BrowserPerf = 10,
    BrowserWebVitals = 11,
    BrowserResource = 12,
    BrowserWebInteractions = 13,
    BrowserErrorLog = 14,
    ServiceMesh = 15,
}

/// How a backend takes messages of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// One message, one answer.
    Unary,
    /// Any number of messages, one answer.
    Stream,
}

/// One kind's part of the protocol.
struct Facts {
    signal: Signal,
    /// Fits `snake_case` labels and file names.
    name: &'static str,
    message: &'static Message,
    /// The method that takes it, as `/package.Service/method`.
    path: &'static str,
    call: Call,
}

impl Kind {
    pub const ALL: [Kind; 15] = [
        Kind::Segment,
        Kind::Log,
        Kind::Meters,
        Kind::SpanAttachedEvent,
        Kind::InstanceProperties,
        Kind::InstancePing,
        Kind::Jvm,
        Kind::Clr,
        Kind::Event,
        Kind::BrowserPerf,
        Kind::BrowserWebVitals,
        Kind::BrowserResource,
        Kind::BrowserWebInteractions,
        Kind::BrowserErrorLog,
        Kind::ServiceMesh,
    ];

    /// The number in stored records and in an [envelope](super::envelope); never given to another kind.
    pub const fn code(self) -> u8 {
        self as u8
    }

    pub fn from_code(code: u32) -> Option<Kind> {
        let index = usize::try_from(code).ok()?.checked_sub(1)?;
        Kind::ALL.get(index).copied()
    }

    pub fn signal(self) -> Signal {
        self.facts().signal
    }

    /// What it is called in labels and texts.
    pub fn name(self) -> &'static str {
        self.facts().name
    }

    /// The message's shape.
    pub fn schema(self) -> &'static Message {
        self.facts().message
    }

    /// The gRPC method that takes it: `/skywalking.v3.Service/method`.
    pub fn path(self) -> &'static str {
        self.facts().path
    }

    /// The method's name in a backend before version 8.8, where the services were in no package; `None`
    /// for those that came later.
    pub fn path_without_package(self) -> Option<&'static str> {
        Some(match self {
            Kind::Segment => "/TraceSegmentReportService/collect",
            Kind::InstanceProperties => "/ManagementService/reportInstanceProperties",
            Kind::InstancePing => "/ManagementService/keepAlive",
            Kind::Jvm => "/JVMMetricReportService/collect",
            Kind::Clr => "/CLRMetricReportService/collect",
            Kind::BrowserPerf => "/BrowserPerfService/collectPerfData",
            Kind::BrowserErrorLog => "/BrowserPerfService/collectErrorLogs",
            _ => return None,
        })
    }

    pub fn call(self) -> Call {
        self.facts().call
    }

    fn facts(self) -> &'static Facts {
        &FACTS[usize::from(self.code()) - 1]
    }
}

/// By code, from 1.
static FACTS: [Facts; Kind::ALL.len()] = [
    Facts {
        signal: Signal::Traces,
        name: "segment",
        message: &schema::SEGMENT_OBJECT,
        path: "/skywalking.v3.TraceSegmentReportService/collect",
        call: Call::Stream,
    },
    Facts {
        signal: Signal::Logs,
        name: "log",
        message: &schema::LOG_DATA,
        path: "/skywalking.v3.LogReportService/collect",
        call: Call::Stream,
    },
    Facts {
        signal: Signal::Metrics,
        name: "meters",
        message: &schema::METER_DATA_COLLECTION,
        path: "/skywalking.v3.MeterReportService/collectBatch",
        call: Call::Stream,
    },
    Facts {
        signal: Signal::Skywalking,
        name: "span_attached_event",
        message: &schema::SPAN_ATTACHED_EVENT,
        path: "/skywalking.v3.SpanAttachedEventReportService/collect",
        call: Call::Stream,
    },
    Facts {
        signal: Signal::Skywalking,
        name: "instance_properties",
        message: &schema::INSTANCE_PROPERTIES,
        path: "/skywalking.v3.ManagementService/reportInstanceProperties",
        call: Call::Unary,
    },
    Facts {
        signal: Signal::Skywalking,
        name: "instance_ping",
        message: &schema::INSTANCE_PING,
        path: "/skywalking.v3.ManagementService/keepAlive",
        call: Call::Unary,
    },
    Facts {
        signal: Signal::Skywalking,
        name: "jvm",
        message: &schema::JVM_METRIC_COLLECTION,
        path: "/skywalking.v3.JVMMetricReportService/collect",
        call: Call::Unary,
    },
    Facts {
        signal: Signal::Skywalking,
        name: "clr",
        message: &schema::CLR_METRIC_COLLECTION,
        path: "/skywalking.v3.CLRMetricReportService/collect",
        call: Call::Unary,
    },
    Facts {
        signal: Signal::Skywalking,
        name: "event",
        message: &schema::EVENT,
        path: "/skywalking.v3.EventService/collect",
        call: Call::Stream,
    },
    Facts {
        signal: Signal::Skywalking,
        name: "browser_perf",
        message: &schema::BROWSER_PERF_DATA,
        path: "/skywalking.v3.BrowserPerfService/collectPerfData",
        call: Call::Unary,
    },
    Facts {
        signal: Signal::Skywalking,
        name: "browser_web_vitals",
        message: &schema::BROWSER_WEB_VITALS,
        path: "/skywalking.v3.BrowserPerfService/collectWebVitalsPerfData",
        call: Call::Unary,
    },
    Facts {
        signal: Signal::Skywalking,
        name: "browser_resource",
        message: &schema::BROWSER_RESOURCE,
        path: "/skywalking.v3.BrowserPerfService/collectResourcePerfData",
        call: Call::Unary,
    },
    Facts {
        signal: Signal::Skywalking,
        name: "browser_web_interactions",
        message: &schema::BROWSER_WEB_INTERACTIONS,
        path: "/skywalking.v3.BrowserPerfService/collectWebInteractionsPerfData",
        call: Call::Unary,
    },
    Facts {
        signal: Signal::Skywalking,
        name: "browser_error_log",
        message: &schema::BROWSER_ERROR_LOG,
        path: "/skywalking.v3.BrowserPerfService/collectErrorLogs",
        call: Call::Stream,
    },
    Facts {
        signal: Signal::Skywalking,
        name: "service_mesh",
        message: &schema::SERVICE_MESH_METRICS,
        path: "/skywalking.v3.ServiceMeshMetricService/collect",
        call: Call::Stream,
    },
];
