//! The tables against the generated types: every field is set, encoded and found again.

use super::*;

/// Every message reachable from the three requests, once.
fn messages() -> Vec<&'static Message> {
    let mut found: Vec<&'static Message> = Signal::ALL.map(request).to_vec();
    let mut next = 0;
    while next < found.len() {
        for field in found[next].fields {
            if let Kind::Message(message) = field.kind
                && !found.iter().any(|known| std::ptr::eq(*known, message))
            {
                found.push(message);
            }
        }
        next += 1;
    }
    found
}

#[test]
fn fields_ascend_by_number_so_that_output_is_canonical() {
    for message in messages() {
        assert!(
            message.fields.is_sorted_by_key(|field| field.number),
            "{} is out of order",
            message.name
        );
    }
}

#[test]
fn json_names_are_the_camel_case_of_the_proto_names() {
    for message in messages() {
        for field in message.fields {
            let mut camel = String::new();
            let mut upper = false;
            for c in field.name.chars() {
                match c {
                    '_' => upper = true,
                    c if upper => {
                        camel.push(c.to_ascii_uppercase());
                        upper = false;
                    }
                    c => camel.push(c),
                }
            }
            assert_eq!(camel, field.json, "{}.{}", message.name, field.name);
        }
    }
}
