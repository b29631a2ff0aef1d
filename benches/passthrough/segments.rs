//! Segments as an agent sends them, each with an id of its own: a backend counts a segment twice that
//! it gets twice, so a copy would not be passed on.

use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use pdata::skywalking::v3::{
    KeyStringValuePair, SegmentObject, SegmentReference, SpanLayer, SpanObject, SpanType,
};
use prost::Message;

/// Stands where the number of a segment goes, in as many digits.
const PLACE: &str = "99999999999999999999999999999999";
/// Where the spans of a segment begin and end.
const START_UNIX_MS: i64 = 1_795_219_200_000;

/// A message with the places where its segments' numbers go.
pub(crate) struct Template {
    message: Vec<u8>,
    places: Vec<usize>,
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

    fn of(message: Vec<u8>) -> Self {
        let places = message.windows(PLACE.len()).enumerate();
        let places = places.filter(|(_, window)| *window == PLACE.as_bytes());
        let places = places.map(|(at, _)| at).collect();
        Template { message, places }
    }

    /// The message with new segments in it.
    pub(crate) fn next(&self) -> Bytes {
        let mut message = self.message.clone();
        let count = self.places.len() as u64;
        let first = NEXT.fetch_add(count, Ordering::Relaxed);
        for (place, number) in self.places.iter().zip(first..) {
            let digits = format!("{number:032}");
            message[*place..*place + digits.len()].copy_from_slice(digits.as_bytes());
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
