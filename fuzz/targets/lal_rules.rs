//! Whatever a file of rules says, it loads or its errors are told with their places; what loads, runs.
#![no_main]

use lal::{Compatibility, Now, Rules, Scratch, Source, case, load};
use libfuzzer_sys::fuzz_target;

use fuzz::Nothing;

fuzz_target!(|input: &[u8]| {
    let text = String::from_utf8_lossy(input).into_owned();
    let lines = text.split('\n').count();
    let source = Source {
        name: "rules.yaml".to_owned(),
        text,
    };
    let log = case::input(&Source {
        name: "log.yaml".to_owned(),
        text: "{service: s, layer: '', body-type: json, body: '{\"a\": {\"b\": [1]}}', tags: {k: v}}"
            .to_owned(),
    });
    let log = log.expect("this is an input");
    for compatibility in [Compatibility::Oap, Compatibility::Documented] {
        let loaded = load(std::slice::from_ref(&source), compatibility);
        for finding in &loaded.findings {
            assert!((1..=lines).contains(&finding.line), "{finding}");
        }
        let rules = Rules::compile(loaded);
        rules.run(&log, Now::default(), &mut Scratch::default(), &mut Nothing);
    }
});
