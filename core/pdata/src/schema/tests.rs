//! The tables against the descriptors of the `.proto` files that the generated types came from.

use opentelemetry_proto::DESCRIPTORS;
use prost::Message as _;
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{
    DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorProto,
    FileDescriptorSet,
};

use super::*;
use crate::definitions;

/// A protocol's messages that are sent by themselves, and the definitions that they follow.
struct Protocol {
    roots: Vec<&'static Message>,
    descriptors: Descriptors,
}

fn protocols() -> [Protocol; 2] {
    let otlp = FileDescriptorSet::decode(DESCRIPTORS).unwrap();
    // Profiles are in development and repeat some of the names.
    let stable = |file: &FileDescriptorProto| !file.package().contains("development");
    let otlp = otlp.file.into_iter().filter(stable).collect();
    let skywalking = definitions::compile().file.into_iter();
    let skywalking = skywalking.filter(|file| file.package() == "skywalking.v3");
    [
        Protocol {
            roots: Signal::OTLP.map(request).to_vec(),
            descriptors: Descriptors(otlp),
        },
        Protocol {
            roots: skywalking::REPORTS.to_vec(),
            descriptors: Descriptors(skywalking.collect()),
        },
    ]
}

/// Every message of all protocols.
fn all_messages() -> Vec<&'static Message> {
    let protocols = protocols().into_iter();
    protocols.flat_map(|it| messages(it.roots)).collect()
}

/// Every message reachable from the roots, once.
fn messages(roots: Vec<&'static Message>) -> Vec<&'static Message> {
    let mut found = roots;
    let mut next = 0;
    while next < found.len() {
        for field in found[next].fields {
            if let Some(message) = field.kind.message()
                && !found.iter().any(|known| std::ptr::eq(*known, message))
            {
                found.push(message);
            }
        }
        next += 1;
    }
    found
}

/// The descriptors of a protocol's files, found by the last part of a name.
struct Descriptors(Vec<FileDescriptorProto>);

impl Descriptors {
    fn message(&self, name: &str) -> &DescriptorProto {
        let top = || self.0.iter().flat_map(|file| &file.message_type);
        let nested = top().flat_map(|message| &message.nested_type);
        let mut all = top().chain(nested).filter(|message| message.name() == name);
        let found = all.next().unwrap_or_else(|| panic!("no message {name}"));
        assert!(all.next().is_none(), "two messages are called {name}");
        found
    }

    /// Whether it is what protobuf makes of a map's keys and values.
    fn is_entry(&self, message: &Message) -> bool {
        let options = self.message(message.name).options.as_ref();
        options.is_some_and(|options| options.map_entry())
    }

    fn enumeration(&self, type_name: &str) -> &EnumDescriptorProto {
        let name = last_part(type_name);
        let nested = self.0.iter().flat_map(|file| &file.message_type);
        let nested = nested.flat_map(|message| &message.enum_type);
        let mut all = self.0.iter().flat_map(|file| &file.enum_type).chain(nested);
        all.find(|found| found.name() == name)
            .unwrap_or_else(|| panic!("no enumeration {name}"))
    }
}

fn last_part(type_name: &str) -> &str {
    type_name.rsplit('.').next().unwrap()
}

fn same_kind(descriptors: &Descriptors, kind: Kind, theirs: &FieldDescriptorProto) -> bool {
    match (kind, theirs.r#type()) {
        (Kind::Bool, Type::Bool)
        | (Kind::Int32, Type::Int32)
        | (Kind::Int64, Type::Int64)
        | (Kind::Uint32, Type::Uint32)
        | (Kind::Uint64, Type::Uint64)
        | (Kind::Sint32, Type::Sint32)
        | (Kind::Fixed32, Type::Fixed32)
        | (Kind::Fixed64, Type::Fixed64)
        | (Kind::Sfixed64, Type::Sfixed64)
        | (Kind::Double, Type::Double)
        | (Kind::String, Type::String) => true,
        (Kind::Id, Type::Bytes) => theirs.name().ends_with("_id"),
        (Kind::Bytes, Type::Bytes) => !theirs.name().ends_with("_id"),
        (Kind::Message(message), Type::Message) => {
            message.name == last_part(theirs.type_name()) && !descriptors.is_entry(message)
        }
        (Kind::Map(entry), Type::Message) => {
            entry.name == last_part(theirs.type_name()) && descriptors.is_entry(entry)
        }
        (Kind::Enum(values), Type::Enum) => {
            let theirs = &descriptors.enumeration(theirs.type_name()).value;
            let theirs = theirs.iter().map(|value| (value.name(), value.number()));
            theirs.eq(values.iter().copied())
        }
        _ => false,
    }
}

fn presence_of(theirs: &FieldDescriptorProto) -> Presence {
    let repeated = theirs.label() == Label::Repeated;
    match theirs.oneof_index {
        Some(_) if !theirs.proto3_optional() => Presence::Oneof,
        Some(_) => Presence::Explicit,
        None if theirs.r#type() == Type::Message && !repeated => Presence::Explicit,
        None => Presence::Implicit,
    }
}

#[test]
fn every_table_holds_exactly_the_fields_of_the_proto_files() {
    for Protocol { roots, descriptors } in protocols() {
        for message in messages(roots) {
            has_exactly_the_fields(message, &descriptors);
        }
    }
}

fn has_exactly_the_fields(message: &Message, descriptors: &Descriptors) {
    let mut theirs: Vec<_> = descriptors.message(message.name).field.iter().collect();
    theirs.sort_by_key(|field| field.number());
    let names = |fields: &[Field]| fields.iter().map(|f| f.name).collect::<Vec<_>>();
    let their_names: Vec<_> = theirs.iter().map(|field| field.name()).collect();
    assert_eq!(names(message.fields), their_names, "{}", message.name);
    for (ours, theirs) in message.fields.iter().zip(theirs) {
        let place = format!("{}.{}", message.name, ours.name);
        assert_eq!(ours.number as i32, theirs.number(), "{place}");
        assert_eq!(ours.json, theirs.json_name(), "{place}");
        let repeated = theirs.label() == Label::Repeated;
        assert_eq!(ours.repeated, repeated, "{place}");
        assert_eq!(ours.presence, presence_of(theirs), "{place}");
        assert!(
            same_kind(descriptors, ours.kind, theirs),
            "{place} is {:?}, not {:?}",
            ours.kind,
            theirs.r#type()
        );
    }
}

#[test]
fn no_message_has_two_oneofs() {
    for Protocol { roots, descriptors } in protocols() {
        for message in messages(roots) {
            let theirs = descriptors.message(message.name);
            let synthetic = theirs.field.iter().filter(|f| f.proto3_optional()).count();
            assert!(theirs.oneof_decl.len() - synthetic <= 1, "{}", message.name);
        }
    }
}

#[test]
fn fields_ascend_by_number_so_that_output_is_canonical() {
    for message in all_messages() {
        assert!(
            message.fields.is_sorted_by_key(|field| field.number),
            "{} is out of order",
            message.name
        );
    }
}

#[test]
fn no_table_is_longer_than_its_bound() {
    for message in all_messages() {
        assert!(message.fields.len() <= FIELDS_MAX, "{}", message.name);
    }
}
