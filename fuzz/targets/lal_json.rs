//! Whatever a body is, rules read it as JSON and as YAML, or say why not.
#![no_main]

use std::sync::LazyLock;

use lal::{Body, Compatibility, Now, Rules, Scratch, Source, case, load};
use libfuzzer_sys::fuzz_target;

use fuzz::Nothing;

/// Jackson, Gson and SnakeYAML, each with what prints a value.
const RULES: &str = r#"
rules:
  - name: json
    layer: GENERAL
    dsl: |
      filter {
        json {}
        extractor {
          def made = toJson(parsed.a)
          tag a: parsed.a, b: parsed.a.b, made: made?.get("b")
        }
        sink {}
      }
  - name: gson
    layer: GENERAL
    dsl: |
      filter {
        extractor {
          def body = toJson(log.body.getText().getText())
          tag a: body?.get("a"), text: body?.get("a")?.getAsString()
        }
        sink {}
      }
  - name: yaml
    layer: GENERAL
    dsl: |
      filter { yaml {} extractor { tag a: parsed.a, b: parsed.a.b } sink {} }
"#;

static COMPILED: LazyLock<Rules> = LazyLock::new(|| {
    let source = Source {
        name: "rules.yaml".to_owned(),
        text: RULES.to_owned(),
    };
    let loaded = load(&[source], Compatibility::Oap);
    assert_eq!(loaded.rules.len(), 3, "{:?}", loaded.findings);
    Rules::compile(loaded)
});

fuzz_target!(|input: &[u8]| {
    let text = String::from_utf8_lossy(input).into_owned();
    let mut scratch = Scratch::default();
    let bodies = [Body::Json, Body::Text, Body::Yaml];
    for body in bodies {
        let log = case::Input {
            service: "s".to_owned(),
            layer: "GENERAL".to_owned(),
            body: body(text.clone().into()),
            ..case::Input::default()
        };
        COMPILED.run(&log, Now::default(), &mut scratch, &mut Nothing);
    }
});
