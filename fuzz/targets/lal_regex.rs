//! Whatever a regular expression is, it is matched in bounded time and memory, or refused.
#![no_main]

use lal::{Body, Compatibility, Now, Rules, Scratch, Source, case, load};
use libfuzzer_sys::fuzz_target;

use fuzz::Nothing;

fuzz_target!(|input: &[u8]| {
    let text = String::from_utf8_lossy(input);
    let (pattern, text) = text.split_once('\n').unwrap_or((&text, ""));
    let quoted = pattern.replace(['"', '\\'], "");
    let filter = format!(
        "filter {{ text {{ regexp $/{pattern}/$ }} extractor {{ tag all: parsed.x, \
         cut: (tag(\"text\") as String).replaceAll(\"{quoted}\", \"$0\") }} sink {{}} }}"
    );
    let filter = serde_json::Value::from(filter);
    let source = Source {
        name: "rules.yaml".to_owned(),
        text: format!("rules: [{{name: r, layer: GENERAL, dsl: {filter}}}]"),
    };
    let rules = Rules::compile(load(&[source], Compatibility::Oap));
    let log = case::Input {
        service: "s".to_owned(),
        layer: "GENERAL".to_owned(),
        body: Body::Text(text.to_owned().into()),
        tags: vec![("text".to_owned(), text.to_owned())],
        ..case::Input::default()
    };
    rules.run(&log, Now::default(), &mut Scratch::default(), &mut Nothing);
});
