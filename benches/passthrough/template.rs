//! Messages of which no two are the same: what comes again, a segment or a device's minute, is not
//! passed on, so copies would measure nothing.

use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use opentelemetry_proto::tonic::metrics::v1::{
    Gauge, Histogram, HistogramDataPoint, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use pdata::skywalking::v3::{
    KeyStringValuePair, SegmentObject, SegmentReference, SpanLayer, SpanObject, SpanType,
};
use prost::Message;

/// Stands where the number of a message goes, in as many digits.
const PLACE: &str = "99999999999999999999999999999999";
/// Stands where the number of a series goes, in as many digits; so many devices have the same.
const SERIES_PLACE: &str = "instance-77777777";
const SERIES: u64 = 10_000;
/// Data points of a device's minute: a histogram and gauges.
pub(crate) const DEVICE_POINTS: usize = 4;
/// Where the spans of a segment begin and end.
const START_UNIX_MS: i64 = 1_795_219_200_000;

/// A message with the places where numbers go.
pub(crate) struct Template {
    message: Vec<u8>,
    places: Vec<usize>,
    series_places: Vec<usize>,
}

static NEXT: AtomicU64 = AtomicU64::new(0);

impl Template {
    /// One `SegmentObject` in protobuf.
    pub(crate) fn protobuf() -> Self {
        Template::of(segment().encode_to_vec())
    }

    /// A JSON array of so many segments.
    pub(crate) fn json(count: usize) -> Self {
        let mut one = Vec::new();
        let shape = pdata::skywalking::Kind::Segment.schema();
        let written = pdata::json::write_message(shape, &segment().encode_to_vec(), &mut one);
        written.expect("it was just encoded");
        let all = vec![one; count].join(&b","[..]);
        Template::of([&b"["[..], &all, b"]"].concat())
    }

    /// What one device of a fleet sends in a minute.
    pub(crate) fn device() -> Self {
        Template::of(device().encode_to_vec())
    }

    fn of(message: Vec<u8>) -> Self {
        let find = |place: &str| {
            let windows = message.windows(place.len()).enumerate();
            let found = windows.filter(|(_, window)| *window == place.as_bytes());
            found.map(|(at, _)| at).collect()
        };
        Template {
            places: find(PLACE),
            series_places: find(SERIES_PLACE),
            message,
        }
    }

    /// The message with new numbers in it.
    pub(crate) fn next(&self) -> Bytes {
        let mut message = self.message.clone();
        let count = self.places.len() as u64;
        let first = NEXT.fetch_add(count, Ordering::Relaxed);
        for (place, number) in self.places.iter().zip(first..) {
            let digits = format!("{number:032}");
            message[*place..*place + digits.len()].copy_from_slice(digits.as_bytes());
        }
        for place in &self.series_places {
            let text = format!("instance-{:08}", first % SERIES);
            message[*place..*place + text.len()].copy_from_slice(text.as_bytes());
        }
        message.into()
    }
}

/// What a web server records of a request that asked a database: two spans, 700 bytes.
fn segment() -> SegmentObject {
    let tag = |key: &str, value: &str| KeyStringValuePair {
        key: key.to_owned(),
        value: value.to_owned(),
    };
    let entry = SpanObject {
        span_id: 0,
        parent_span_id: -1,
        start_time: START_UNIX_MS,
        end_time: START_UNIX_MS + 12,
        refs: vec![SegmentReference {
            trace_id: "6d3f3c1e0a5b4c7f9e8d7c6b5a493827".to_owned(),
            parent_trace_segment_id: "0a1b2c3d4e5f60718293a4b5c6d7e8f9".to_owned(),
            parent_span_id: 2,
            parent_service: "shop-gateway".to_owned(),
            parent_service_instance: "gateway-7f9c4d@10.0.3.17".to_owned(),
            parent_endpoint: "/api/cart".to_owned(),
            network_address_used_at_peer: "cart.shop.svc:8080".to_owned(),
            ..SegmentReference::default()
        }],
        operation_name: "GET:/cart/{id}".to_owned(),
        span_type: SpanType::Entry as i32,
        span_layer: SpanLayer::Http as i32,
        component_id: 1,
        tags: vec![
            tag("url", "http://cart.shop.svc:8080/cart/4711"),
            tag("http.method", "GET"),
            tag("http.status_code", "200"),
        ],
        ..SpanObject::default()
    };
    let exit = SpanObject {
        span_id: 1,
        parent_span_id: 0,
        start_time: START_UNIX_MS + 1,
        end_time: START_UNIX_MS + 9,
        operation_name: "Mysql/JDBC/PreparedStatement/executeQuery".to_owned(),
        peer: "db.shop.svc:3306".to_owned(),
        span_type: SpanType::Exit as i32,
        span_layer: SpanLayer::Database as i32,
        component_id: 33,
        tags: vec![
            tag("db.type", "Mysql"),
            tag("db.instance", "cart"),
            tag("db.statement", "SELECT * FROM items WHERE cart = ?"),
        ],
        ..SpanObject::default()
    };
    SegmentObject {
        trace_id: "6d3f3c1e0a5b4c7f9e8d7c6b5a493827".to_owned(),
        trace_segment_id: PLACE.to_owned(),
        spans: vec![exit, entry],
        service: "shop-cart".to_owned(),
        service_instance: "cart-6b8d9f@10.0.3.21".to_owned(),
        ..SegmentObject::default()
    }
}

/// A histogram of requests and three gauges of a mini program's launch.
fn device() -> ExportMetricsServiceRequest {
    let attribute = |key: &str, value: &str| KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue {
            value: Some(any_value::Value::StringValue(value.to_owned())),
        }),
        ..KeyValue::default()
    };
    let bounds = [
        10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1000.0, 2500.0, 5000.0, 10_000.0,
    ];
    let page = || vec![attribute("miniprogram.page.path", "pages/index/index")];
    let histogram = HistogramDataPoint {
        attributes: page(),
        count: 3,
        sum: Some(420.0),
        bucket_counts: vec![0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 0],
        explicit_bounds: bounds.to_vec(),
        ..HistogramDataPoint::default()
    };
    let requests = Metric {
        name: "miniprogram.request.duration".to_owned(),
        unit: "ms".to_owned(),
        data: Some(Data::Histogram(Histogram {
            data_points: vec![histogram],
            aggregation_temporality: 1,
        })),
        ..Metric::default()
    };
    let gauge = |name: &str| Metric {
        name: name.to_owned(),
        unit: "ms".to_owned(),
        data: Some(Data::Gauge(Gauge {
            data_points: vec![NumberDataPoint {
                attributes: page(),
                value: Some(Value::AsDouble(850.0)),
                ..NumberDataPoint::default()
            }],
        })),
        ..Metric::default()
    };
    let metrics = vec![
        requests,
        gauge("miniprogram.app_launch.duration"),
        gauge("miniprogram.first_render.duration"),
        gauge("miniprogram.route.duration"),
    ];
    let attributes = vec![
        attribute("service.name", "shop"),
        attribute("service.instance.id", SERIES_PLACE),
        attribute("miniprogram.platform", "wechat"),
        attribute("device.id", PLACE),
    ];
    let resource_metrics = vec![ResourceMetrics {
        resource: Some(Resource {
            attributes,
            ..Resource::default()
        }),
        scope_metrics: vec![ScopeMetrics {
            metrics,
            ..ScopeMetrics::default()
        }],
        ..ResourceMetrics::default()
    }];
    ExportMetricsServiceRequest { resource_metrics }
}
