//! Messages of protobuf that rules read instead of a log: entries of Envoy's access logs, as the
//! definitions in `proto` have them.
//!
//! Names are resolved when rules are loaded: a getter of Java becomes the descriptor of a field. The
//! descriptors are compiled ahead of time, and a test compares them with the definitions.

#[cfg(test)]
mod definitions;
mod getter;
mod text;

use std::sync::LazyLock;

use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor};

pub(crate) use getter::{Reading, field, getter, leading, names};
pub(crate) use text::push_text;

static CLASSES: LazyLock<Vec<MessageDescriptor>> = LazyLock::new(|| {
    let pool = DescriptorPool::decode(&include_bytes!("message/envoy.binpb")[..]);
    let pool = pool.expect("a test compares the descriptors with the definitions");
    pool.all_messages().collect()
});

/// Longest message; an entry of an access log has a few thousand bytes.
pub(crate) const MESSAGE_BYTES_MAX: usize = 1 << 20;

/// What the names of Envoy's Java classes have in front of those of protobuf.
const JAVA_PREFIX: &str = "io.envoyproxy.";
/// What rules of the layer `MESH` read unless they say otherwise.
pub(crate) const OF_MESH: &str = "io.envoyproxy.envoy.data.accesslog.v3.HTTPAccessLogEntry";

/// A class of messages: its index among all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Class(usize);

impl Class {
    /// `None` for a class that is not one of Envoy's messages, or none that an access log holds.
    pub(crate) fn of_java(name: &str) -> Option<Class> {
        let name = name.strip_prefix(JAVA_PREFIX)?;
        let is_it = |it: &MessageDescriptor| {
            it.full_name().len() == name.len()
                && it.full_name().split('.').eq(name.split(['.', '$']))
        };
        CLASSES.iter().position(is_it).map(Class)
    }

    pub(crate) fn of_mesh() -> Option<Class> {
        Class::of_java(OF_MESH)
    }

    fn of(message: &MessageDescriptor) -> Class {
        let index = CLASSES.iter().position(|it| it == message);
        Class(index.expect("every message is one of the pool's"))
    }

    fn descriptor(self) -> &'static MessageDescriptor {
        &CLASSES[self.0]
    }

    /// Without its package.
    pub(crate) fn name(self) -> &'static str {
        self.descriptor().name()
    }
}

/// An input that is no log.
#[derive(Debug)]
pub(crate) struct Received<'a> {
    /// As its sender names it.
    pub(crate) java_class: &'a str,
    pub(crate) class: Option<Class>,
    /// Or why it cannot be read.
    pub(crate) message: Result<DynamicMessage, String>,
}

impl<'a> Received<'a> {
    /// Total on any bytes; nesting is bounded by the decoder.
    pub(crate) fn new(java_class: &'a str, bytes: &[u8]) -> Received<'a> {
        let class = Class::of_java(java_class);
        let length = bytes.len();
        let message = match class {
            _ if length > MESSAGE_BYTES_MAX => Err(format!(
                "the message has {length} bytes, more than {MESSAGE_BYTES_MAX}"
            )),
            Some(class) => DynamicMessage::decode(class.descriptor().clone(), bytes)
                .map_err(|error| format!("the message cannot be read: {error}")),
            None => Err(format!("nothing is known of the class `{java_class}`")),
        };
        Received {
            java_class,
            class,
            message,
        }
    }
}

/// The message as JSON, by protobuf's mapping; keys in the order of their letters.
pub(crate) fn json(message: &DynamicMessage) -> Result<String, String> {
    let value = serde_json::to_value(message);
    value
        .and_then(|mut value| {
            // Entries of maps come in no order.
            value.sort_all_objects();
            serde_json::to_string(&value)
        })
        .map_err(|error| format!("the message cannot be written as JSON: {error}"))
}

/// The bytes of a message that is written as JSON; fields that nobody knows are ignored.
pub(crate) fn from_json(class: Class, json: &str) -> Result<Vec<u8>, String> {
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let options = prost_reflect::DeserializeOptions::new().deny_unknown_fields(false);
    let message = DynamicMessage::deserialize_with_options(
        class.descriptor().clone(),
        &mut deserializer,
        &options,
    );
    let message = message.and_then(|message| deserializer.end().map(|()| message));
    let message = message.map_err(|error| error.to_string())?;
    Ok(prost_reflect::prost::Message::encode_to_vec(&message))
}

#[cfg(test)]
mod tests;
