//! Services that a backend would not list.
//!
//! OAP lists a service that answers calls or reports itself. A mini program does neither: it only calls
//! others. So it is reported here, by a heartbeat with its platform's layer, as long as it sends.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use pdata::skywalking::v3::InstancePingPkg;
use pdata::skywalking::view::SegmentHead;
use pdata::wire::{Fields, Value};
use prost::Message;
use tokio::time::Instant;

/// Between two heartbeats of an instance.
const INTERVAL: Duration = Duration::from_secs(60);
/// Instances known; with more, the ones that are longest silent are forgotten.
const INSTANCES_MAX: usize = 10_000;

/// `SpanObject`: 10 the component.
const COMPONENT: u32 = 10;

/// Components that only mini programs have, and the layers of their services.
const PLATFORMS: [(u64, &str); 2] = [
    (10_002, "WECHAT_MINI_PROGRAM"),
    (10_003, "ALIPAY_MINI_PROGRAM"),
];

/// What is known of instances that are reported.
#[derive(Default)]
pub(super) struct Register {
    /// By the hash of all that tells them apart; two that collide share their heartbeats.
    known: Mutex<HashMap<u64, Known>>,
    hasher: RandomState,
}

struct Known {
    service: String,
    layer: &'static str,
    reported: Instant,
}

/// Who has sent a segment of a mini program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Sender<'a> {
    service: &'a [u8],
    instance: &'a [u8],
    layer: &'static str,
}

impl<'a> Sender<'a> {
    /// `None` if it is no mini program.
    pub(super) fn of(segment: &SegmentHead<'a>) -> Option<Self> {
        let layer = layer_of(segment.first_span?)?;
        Some(Sender {
            service: segment.service,
            instance: segment.instance,
            layer,
        })
    }
}

impl Register {
    /// The heartbeat for a sender, if one is due.
    pub(super) fn heartbeat(&self, sender: &Sender<'_>, now: Instant) -> Option<Bytes> {
        let key = self.hasher.hash_one(sender);
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        let mut known = self.known.lock();
        match known.get_mut(&key) {
            Some(sender) if now - sender.reported < INTERVAL => return None,
            Some(sender) => sender.reported = now,
            None => {
                forget(&mut known, now);
                let sender = Known {
                    service: text(sender.service),
                    layer: sender.layer,
                    reported: now,
                };
                warn_of_two_platforms(&known, &sender);
                known.insert(key, sender);
            }
        }
        let heartbeat = InstancePingPkg {
            service: text(sender.service),
            service_instance: text(sender.instance),
            layer: sender.layer.to_owned(),
        };
        Some(heartbeat.encode_to_vec().into())
    }
}

/// Makes room for one more.
fn forget(known: &mut HashMap<u64, Known>, now: Instant) {
    if known.len() < INSTANCES_MAX {
        return;
    }
    known.retain(|_, sender| now - sender.reported < INTERVAL);
    if known.len() >= INSTANCES_MAX {
        // All of them send; each is reported a little more often than it has to be.
        known.clear();
    }
}

/// OAP makes one service of two apps of one name, and shows their instances and pages mixed.
fn warn_of_two_platforms(known: &HashMap<u64, Known>, sender: &Known) {
    let namesake = known
        .values()
        .find(|other| other.service == sender.service && other.layer != sender.layer);
    if let Some(other) = namesake {
        tracing::warn!(
            service = sender.service,
            layers = ?[other.layer, sender.layer],
            "two platforms send under one service name, which the backend shows as one service"
        );
    }
}

/// The layer of the platform that a span's component is of. Of a mini program's segment the first span
/// is the only one.
fn layer_of(span: &[u8]) -> Option<&'static str> {
    // Nobody writes it twice, and behind it stands most of a span.
    let component = Fields::of(span).find(|field| field.number == COMPONENT);
    let Some(Value::Varint(component)) = component.map(|field| field.value) else {
        return None;
    };
    let platform = PLATFORMS.iter().find(|(of, _)| *of == component);
    platform.map(|(_, layer)| *layer)
}

#[cfg(test)]
mod tests {
    use pdata::skywalking::v3::{SegmentObject, SpanObject};

    use super::*;

    fn heartbeat(
        register: &Register,
        instance: &str,
        component_id: i32,
        now: Instant,
    ) -> Option<Bytes> {
        let segment = SegmentObject {
            service: "shop".to_owned(),
            service_instance: instance.to_owned(),
            spans: vec![SpanObject {
                component_id,
                ..SpanObject::default()
            }],
            ..SegmentObject::default()
        };
        let segment = segment.encode_to_vec();
        let sender = Sender::of(&SegmentHead::of(&segment))?;
        register.heartbeat(&sender, now)
    }

    #[test]
    fn a_mini_program_is_reported_once_a_minute_while_it_sends() {
        let register = Register::default();
        let now = Instant::now();
        let first = heartbeat(&register, "v1", 10_002, now);
        let first = InstancePingPkg::decode(first.expect("it is the first"));
        let expected = InstancePingPkg {
            service: "shop".to_owned(),
            service_instance: "v1".to_owned(),
            layer: "WECHAT_MINI_PROGRAM".to_owned(),
        };
        assert_eq!(first, Ok(expected));
        let soon = now + INTERVAL / 2;
        assert!(heartbeat(&register, "v1", 10_002, soon).is_none());
        assert!(heartbeat(&register, "v2", 10_002, soon).is_some());
        assert!(heartbeat(&register, "v1", 10_003, soon).is_some());
        let later = now + INTERVAL;
        assert!(heartbeat(&register, "v1", 10_002, later).is_some());
    }

    #[test]
    fn servers_and_browsers_report_themselves() {
        let register = Register::default();
        for component in [0, 1, 10_001] {
            let found = heartbeat(&register, "v1", component, Instant::now());
            assert!(found.is_none(), "{component}");
        }
    }

    #[test]
    fn as_many_instances_are_known_as_there_is_room_for() {
        let register = Register::default();
        let now = Instant::now();
        for number in 0..=INSTANCES_MAX {
            heartbeat(&register, &number.to_string(), 10_002, now);
        }
        assert!(register.known.lock().len() <= INSTANCES_MAX);
    }
}
