//! Services that a backend would not list.
//!
//! OAP lists a service that answers calls or reports itself. A mini program does neither: it only calls
//! others. So it is reported here, by a heartbeat with its platform's layer, as long as it sends.

use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use pdata::skywalking::NativeChunk;
use pdata::skywalking::v3::InstancePingPkg;
use pdata::wire::{Fields, Value};
use prost::Message;
use tokio::time::Instant;

/// Between two heartbeats of an instance.
const INTERVAL: Duration = Duration::from_secs(60);
/// Instances known; with more, the ones that are longest silent are forgotten.
const INSTANCES_MAX: usize = 10_000;

/// `SegmentObject`: 3 the spans, 4 the service. `SpanObject`: 10 the component.
const SPANS: u32 = 3;
const SERVICE: u32 = 4;
const COMPONENT: u32 = 10;

/// Components that only mini programs have, and the layers of their services.
const PLATFORMS: [(u64, &str); 2] = [
    (10_002, "WECHAT_MINI_PROGRAM"),
    (10_003, "ALIPAY_MINI_PROGRAM"),
];

/// What is known of instances that are reported.
#[derive(Default)]
pub(super) struct Register(Mutex<HashMap<Instance, Instant>>);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Instance {
    service: String,
    instance: String,
    layer: &'static str,
}

impl Register {
    /// The heartbeat for the sender of a segment, if it is of a mini program and one is due.
    pub(super) fn heartbeat(&self, segment: &NativeChunk, now: Instant) -> Option<Bytes> {
        let layer = layer_of(segment.message())?;
        let sender = Instance {
            service: segment.text(SERVICE).to_owned(),
            instance: segment.instance().to_owned(),
            layer,
        };
        let mut known = self.0.lock();
        match known.get_mut(&sender) {
            Some(last) if now - *last < INTERVAL => return None,
            Some(last) => *last = now,
            None => {
                forget(&mut known, now);
                warn_of_two_platforms(&known, &sender);
                known.insert(sender.clone(), now);
            }
        }
        let heartbeat = InstancePingPkg {
            service: sender.service,
            service_instance: sender.instance,
            layer: layer.to_owned(),
        };
        Some(heartbeat.encode_to_vec().into())
    }
}

/// Makes room for one more.
fn forget(known: &mut HashMap<Instance, Instant>, now: Instant) {
    if known.len() < INSTANCES_MAX {
        return;
    }
    known.retain(|_, last| now - *last < INTERVAL);
    if known.len() >= INSTANCES_MAX {
        // All of them send; each is reported a little more often than it has to be.
        known.clear();
    }
}

/// OAP makes one service of two apps of one name, and shows their instances and pages mixed.
fn warn_of_two_platforms(known: &HashMap<Instance, Instant>, sender: &Instance) {
    let namesake = known
        .keys()
        .find(|other| other.service == sender.service && other.layer != sender.layer);
    if let Some(other) = namesake {
        tracing::warn!(
            service = sender.service,
            layers = ?[other.layer, sender.layer],
            "two platforms send under one service name, which the backend shows as one service"
        );
    }
}

/// The layer of the platform that the first span's component is of; a mini program's segment has one
/// span.
fn layer_of(segment: &[u8]) -> Option<&'static str> {
    let mut spans = Fields::of(segment).filter(|field| field.number == SPANS);
    let Some(Value::Len(span)) = spans.next().map(|field| field.value) else {
        return None;
    };
    let component = Fields::of(span).filter(|field| field.number == COMPONENT);
    let Some(Value::Varint(component)) = component.last().map(|field| field.value) else {
        return None;
    };
    let platform = PLATFORMS.iter().find(|(of, _)| *of == component);
    platform.map(|(_, layer)| *layer)
}

#[cfg(test)]
mod tests {
    use pdata::skywalking::Kind;
    use pdata::skywalking::v3::{SegmentObject, SpanObject};

    use super::*;

    fn segment(instance: &str, component_id: i32) -> NativeChunk {
        let segment = SegmentObject {
            service: "shop".to_owned(),
            service_instance: instance.to_owned(),
            spans: vec![SpanObject {
                component_id,
                ..SpanObject::default()
            }],
            ..SegmentObject::default()
        };
        NativeChunk::from_checked(Kind::Segment, segment.encode_to_vec().into(), 0)
    }

    #[test]
    fn a_mini_program_is_reported_once_a_minute_while_it_sends() {
        let register = Register::default();
        let now = Instant::now();
        let heartbeat = register.heartbeat(&segment("v1", 10_002), now);
        let heartbeat = InstancePingPkg::decode(heartbeat.expect("it is the first"));
        let expected = InstancePingPkg {
            service: "shop".to_owned(),
            service_instance: "v1".to_owned(),
            layer: "WECHAT_MINI_PROGRAM".to_owned(),
        };
        assert_eq!(heartbeat, Ok(expected));
        let soon = now + INTERVAL / 2;
        assert!(register.heartbeat(&segment("v1", 10_002), soon).is_none());
        assert!(register.heartbeat(&segment("v2", 10_002), soon).is_some());
        assert!(register.heartbeat(&segment("v1", 10_003), soon).is_some());
        let later = now + INTERVAL;
        assert!(register.heartbeat(&segment("v1", 10_002), later).is_some());
    }

    #[test]
    fn servers_and_browsers_report_themselves() {
        let register = Register::default();
        for component in [0, 1, 10_001] {
            let heartbeat = register.heartbeat(&segment("v1", component), Instant::now());
            assert!(heartbeat.is_none(), "{component}");
        }
    }

    #[test]
    fn as_many_instances_are_known_as_there_is_room_for() {
        let register = Register::default();
        let now = Instant::now();
        for number in 0..=INSTANCES_MAX {
            register.heartbeat(&segment(&number.to_string(), 10_002), now);
        }
        assert!(register.0.lock().len() <= INSTANCES_MAX);
    }
}
