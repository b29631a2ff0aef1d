//! `mesh.proto`.

use super::pairs::{DETECT_POINT, KEY_STRING_VALUE_PAIR};
use super::{enumeration, flag, int32, int64, messages, text};
use crate::schema::{EnumValue, Kind, Message, oneof};

pub static SERVICE_MESH_METRICS: Message = Message::new(
    "ServiceMeshMetrics",
    &[
        oneof(
            1,
            "httpMetrics",
            "httpMetrics",
            Kind::Message(&HTTP_MESH_METRICS),
        ),
        oneof(
            2,
            "tcpMetrics",
            "tcpMetrics",
            Kind::Message(&TCP_MESH_METRICS),
        ),
    ],
);

static HTTP_MESH_METRICS: Message = Message::new(
    "HTTPServiceMeshMetrics",
    &[messages(1, "metrics", &HTTP_MESH_METRIC)],
);

static HTTP_MESH_METRIC: Message = Message::new(
    "HTTPServiceMeshMetric",
    &[
        int64(1, "startTime"),
        int64(2, "endTime"),
        text(3, "sourceServiceName"),
        text(4, "sourceServiceInstance"),
        text(5, "destServiceName"),
        text(6, "destServiceInstance"),
        text(7, "endpoint"),
        int32(8, "latency"),
        int32(9, "responseCode"),
        flag(10, "status"),
        enumeration(11, "protocol", PROTOCOL),
        enumeration(12, "detectPoint", DETECT_POINT),
        text(13, "tlsMode"),
        text(14, "internalErrorCode"),
        int64(15, "internalRequestLatencyNanos"),
        int64(16, "internalResponseLatencyNanos"),
        messages(17, "sourceInstanceProperties", &KEY_STRING_VALUE_PAIR),
        messages(18, "destInstanceProperties", &KEY_STRING_VALUE_PAIR),
    ],
);

static TCP_MESH_METRICS: Message = Message::new(
    "TCPServiceMeshMetrics",
    &[messages(1, "metrics", &TCP_MESH_METRIC)],
);

static TCP_MESH_METRIC: Message = Message::new(
    "TCPServiceMeshMetric",
    &[
        int64(1, "startTime"),
        int64(2, "endTime"),
        text(3, "sourceServiceName"),
        text(4, "sourceServiceInstance"),
        text(5, "destServiceName"),
        text(6, "destServiceInstance"),
        enumeration(7, "detectPoint", DETECT_POINT),
        text(8, "tlsMode"),
        text(9, "internalErrorCode"),
        int64(10, "internalRequestLatencyNanos"),
        int64(11, "internalResponseLatencyNanos"),
        messages(12, "sourceInstanceProperties", &KEY_STRING_VALUE_PAIR),
        messages(13, "destInstanceProperties", &KEY_STRING_VALUE_PAIR),
        int64(14, "receivedBytes"),
        int64(15, "sentBytes"),
    ],
);

const PROTOCOL: &[EnumValue] = &[("HTTP", 0), ("gRPC", 1)];
