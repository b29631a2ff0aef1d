use std::path::Path;

use engine::Consumer;
use engine::config::read_text;
use engine::exporter::Front;
use engine::testkit::{batch, context};
use expect_test::{expect, expect_file};
use pdata::otlp::{InvalidUtf8, receive};
use pdata::{Budget, Origin};

use super::*;

/// The first request of a recording, as the receiver takes it.
fn recorded(name: &str, signal: Signal) -> Batch {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../core/pdata/testdata/json");
    let text = std::fs::read_to_string(folder.join(name)).expect("the recording is there");
    let line = text.lines().next().expect("it holds a request");
    let request = pdata::json::read(signal, line.as_bytes())
        .expect("it is valid")
        .wire;
    let budget = Budget::new(1 << 20);
    let received = receive(signal, request.into(), InvalidUtf8::Repair, &budget).unwrap();
    Batch::new(signal, received.chunks, Arc::new(Origin::default()))
}

const ALL: [Verbosity; 3] = [Verbosity::Basic, Verbosity::Normal, Verbosity::Detailed];

/// The batch at each verbosity.
fn shown(batch: &Batch) -> String {
    let texts = ALL.map(|verbosity| format!("# {verbosity:?}\n{}\n", render(batch, verbosity)));
    texts.join("\n")
}

#[test]
fn shows_the_logs_of_a_mini_program() {
    let batch = recorded("wechat-logs.jsonl", Signal::Logs);
    expect_file!["../../testdata/debug/logs.txt"].assert_eq(&shown(&batch));
}

#[test]
fn shows_the_metrics_of_a_mini_program() {
    let batch = recorded("alipay-metrics.jsonl", Signal::Metrics);
    expect_file!["../../testdata/debug/metrics.txt"].assert_eq(&shown(&batch));
}

#[test]
fn shows_spans() {
    let batch = batch(Signal::Traces, 2);
    expect_file!["../../testdata/debug/traces.txt"].assert_eq(&shown(&batch));
}

#[test]
fn shows_every_type_of_value_and_what_it_does_not_know() {
    let mut request = br#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{
        "observedTimeUnixNano":"1795219200000000001","severityNumber":9,"flags":1,
        "traceId":"0102030405060708090a0b0c0d0e0f10",
        "body":{"kvlistValue":{"values":[
            {"key":"list","value":{"arrayValue":{"values":[{"intValue":"-1"},{"boolValue":true}]}}},
            {"key":"bytes","value":{"bytesValue":"/wA="}},
            {"key":"none"},
            {"key":"\u001b[31m","value":{"stringValue":"\u001b]0;title\u0007"}},
            {"key":"half","value":{"doubleValue":0.5}}]}}}]}]}]}"#
        .to_vec();
    request.retain(|byte| *byte != b'\n');
    let mut wire = pdata::json::read(Signal::Logs, &request).unwrap().wire;
    wire.extend([0xF8, 0x07, 0x05]);
    let received = receive(
        Signal::Logs,
        wire.into(),
        InvalidUtf8::Refuse,
        &Budget::new(0),
    )
    .unwrap();
    let batch = Batch::new(Signal::Logs, received.chunks, Arc::default());
    expect_file!["../../testdata/debug/values.txt"].assert_eq(&shown(&batch));
}

#[test]
fn text_of_one_batch_is_bounded() {
    let text = render(&batch(Signal::Traces, 20_000), Verbosity::Detailed);
    assert!(text.ends_with("\n(the rest of this batch is not shown)"));
    assert!(text.len() < (1 << 20) + (1 << 10), "{}", text.len());
}

/// A stream that remembers what it took, or takes nothing.
#[derive(Clone, Default)]
struct Stream(Arc<Mutex<Vec<u8>>>, bool);

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.1 {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn front(text: &str, stream: Stream) -> Arc<Front> {
    let (config, _) = read_text::<Config>(text).expect("the configuration is valid");
    let exporter = Debug::new(
        "debug".to_owned(),
        &config,
        Output::Stream(Box::new(stream)),
    );
    let exporter = Arc::new(exporter);
    let signals = &[Signal::Logs];
    Front::new("debug", exporter, config.settings(), signals, &context())
}

#[tokio::test]
async fn shows_each_batch_and_takes_those_it_leaves_out() {
    for (config, shown) in [
        ("{}", 3),
        ("{sampling_initial: 0, sampling_thereafter: 0}", 0),
    ] {
        let stream = Stream::default();
        let front = front(config, stream.clone());
        for _ in 0..3 {
            front
                .consume(batch(Signal::Logs, 1))
                .await
                .expect("debug refuses nobody");
        }
        let text = String::from_utf8(stream.0.lock().clone()).unwrap();
        assert_eq!(text, "logs: 1 resource, 1 log record\n".repeat(shown));
        assert_eq!(front.account(Signal::Logs).delivered, 3);
    }
}

#[tokio::test]
async fn takes_a_batch_that_it_cannot_show() {
    let front = front("{}", Stream(Arc::default(), true));
    front
        .consume(batch(Signal::Logs, 1))
        .await
        .expect("debug refuses nobody");
}

#[test]
fn builds_from_an_empty_section() {
    let (_, section) = read_text::<Config>("{}").unwrap();
    let built = FACTORY.build(&section, &mut context());
    let settings = built.map(|(_, settings)| settings).expect("it is valid");
    assert!(settings.queue.is_none());
}

#[test]
fn refuses_outputs_that_are_files() {
    let error = read_text::<Config>("{output_paths: [/var/log/x]}").unwrap_err();
    expect![[r#"
        error: `output_paths[0]` expects one of `stdout`, `stderr`, found the text `/var/log/x`
         --> config.yaml:1:17
          |
        1 | {output_paths: [/var/log/x]}
          |                 ^^^^^^^^^^

        1 error
    "#]]
    .assert_eq(&error.to_string());
}
