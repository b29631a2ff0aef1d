//! Who sent it: SkyWalking's service and instance from the attributes of a resource.

use std::borrow::Cow;

use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::resource::v1::Resource;

use super::{SERVICE_INSTANCE_ID, SERVICE_NAME, any};

/// Characters of a service's and an instance's name that OAP keeps.
pub const NAME_MAX: usize = 70;
/// Characters of an endpoint's name that OAP keeps.
pub const ENDPOINT_MAX: usize = 150;

/// SkyWalking's names for a resource, each at most [`NAME_MAX`] characters and not empty.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Identity {
    pub service: String,
    pub instance: String,
}

/// What stands in where a resource does not say who it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Defaults {
    pub service: String,
    pub instance: String,
}

impl Default for Defaults {
    fn default() -> Self {
        Defaults {
            service: "unknown_service".to_owned(),
            // What mini programs and browsers without an instance send.
            instance: "-".to_owned(),
        }
    }
}

impl Identity {
    /// The service is `service.name`, behind `service.namespace` and `::` where there is one. The
    /// instance is `service.instance.id`, else the pod or host with its process.
    pub fn of(resource: Option<&Resource>, defaults: &Defaults) -> Self {
        let attributes = resource.map_or(&[][..], |resource| &resource.attributes);
        let service = service(attributes).unwrap_or(Cow::Borrowed(&defaults.service));
        let instance = instance(attributes).unwrap_or(Cow::Borrowed(&defaults.instance));
        Identity {
            service: cut(&service, NAME_MAX).to_owned(),
            instance: cut(&instance, NAME_MAX).to_owned(),
        }
    }
}

fn service(attributes: &[KeyValue]) -> Option<Cow<'_, str>> {
    let name = any::find_str(attributes, SERVICE_NAME)?;
    Some(match any::find_str(attributes, "service.namespace") {
        Some(namespace) => Cow::Owned(format!("{namespace}::{name}")),
        None => Cow::Borrowed(name),
    })
}

fn instance(attributes: &[KeyValue]) -> Option<Cow<'_, str>> {
    if let Some(id) = any::find_str(attributes, SERVICE_INSTANCE_ID) {
        return Some(Cow::Borrowed(id));
    }
    let places = ["k8s.pod.name", "host.name"];
    let place = places
        .iter()
        .find_map(|key| any::find_str(attributes, key))?;
    Some(match any::find(attributes, "process.pid").map(any::text) {
        Some(process) => Cow::Owned(format!("{process}@{place}")),
        None => Cow::Borrowed(place),
    })
}

/// The first `max` characters, as OAP cuts: one that it counts is a UTF-16 code unit.
pub fn cut(text: &str, max: usize) -> &str {
    if text.len() <= max {
        return text;
    }
    let mut units = 0;
    let end = text.char_indices().find(|(_, char)| {
        units += char.len_utf16();
        units > max
    });
    end.map_or(text, |(end, _)| &text[..end])
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::common::v1::AnyValue;
    use opentelemetry_proto::tonic::common::v1::any_value::Value;

    use super::*;

    fn identity(attributes: &[(&str, &str)]) -> [String; 2] {
        let attributes = attributes.iter().map(|(key, value)| KeyValue {
            key: (*key).to_owned(),
            value: Some(AnyValue {
                value: Some(Value::StringValue((*value).to_owned())),
            }),
            ..KeyValue::default()
        });
        let resource = Resource {
            attributes: attributes.collect(),
            ..Resource::default()
        };
        let found = Identity::of(Some(&resource), &Defaults::default());
        [found.service, found.instance]
    }

    #[test]
    fn a_resource_is_named_by_what_says_most() {
        type Case<'a> = (&'a [(&'a str, &'a str)], [&'a str; 2]);
        let cases: [Case<'_>; 5] = [
            (
                &[("service.name", "cart"), ("service.instance.id", "7")],
                ["cart", "7"],
            ),
            (
                &[("service.name", "cart"), ("service.namespace", "shop")],
                ["shop::cart", "-"],
            ),
            (
                &[
                    ("service.name", ""),
                    ("host.name", "h"),
                    ("process.pid", "12"),
                ],
                ["unknown_service", "12@h"],
            ),
            (
                &[("host.name", "h"), ("k8s.pod.name", "pod")],
                ["unknown_service", "pod"],
            ),
            (&[], ["unknown_service", "-"]),
        ];
        for (attributes, names) in cases {
            assert_eq!(identity(attributes), names, "{attributes:?}");
        }
    }

    #[test]
    fn names_are_cut_between_characters() {
        assert_eq!(cut("abc", 3), "abc");
        assert_eq!(cut("abcd", 3), "abc");
        assert_eq!(cut("页面加载", 3), "页面加");
        assert_eq!(cut("a🙂🙂", 4), "a🙂");
        let [service, _] = identity(&[("service.name", &"页".repeat(100))]);
        assert_eq!(service.chars().count(), NAME_MAX);
    }
}
