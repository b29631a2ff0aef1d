//! Rule files: wrong ones end a start and never a run.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use pdata::{Signal, sample};
use tempfile::TempDir;

use super::config;
use crate::harness::oap::Oap;
use crate::harness::{Backend, Collector, PATIENCE, Sender};
use crate::skywalking::program::eventually;

/// Every log gets this layer.
fn rule(layer: &str) -> String {
    format!(
        "
rules:
  - name: all
    layer: auto
    dsl: |
      filter {{
        extractor {{ layer '{layer}' }}
        sink {{}}
      }}
"
    )
}

const BAD: &str = "
rules:
  - name: all
    layer: auto
    dsl: |
      filter {
        extractor { layer nothing() }
        extractor { tag level: parsed.level }
        sink {
      }
";

fn write(dir: &Path, name: &str, text: &str) {
    let folder = dir.join("rules");
    fs::create_dir_all(&folder).expect("there is room");
    // As editors do, so that nobody sees half of a file.
    let draft = folder.join("draft");
    fs::write(&draft, text).expect("there is room");
    fs::rename(&draft, folder.join(name)).expect("they are in one folder");
}

fn folder() -> Arc<TempDir> {
    Arc::new(tempfile::tempdir().expect("the system has a folder for temporary files"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_with_bad_rule_files_ends_with_everything_that_is_wrong() {
    let dir = folder();
    write(dir.path(), "a.yaml", BAD);
    write(dir.path(), "b.yaml", "rules:\n  - {name: b, layer: auto}\n");
    let nobody = ([127, 0, 0, 1], 9).into();
    let collector = Collector::start_in(dir, &config("{files: [rules]}", nobody, nobody));
    let ended = collector.ended();
    assert_eq!(ended.code, Some(4), "{}", ended.log);
    for place in ["rules/a.yaml:", "rules/b.yaml:2:"] {
        assert!(ended.log.contains(place), "{}", ended.log);
    }
    assert!(ended.log.contains("needs a `dsl`"), "{}", ended.log);
}

/// Sends logs until the newest at the OAP has this layer.
async fn until_filed_under(sender: &Sender, oap: &Oap, layer: &str) {
    eventually(layer, PATIENCE, async || {
        let answer = sender.post_protobuf(Signal::Logs, sample::logs(1).into());
        let answer = answer.await.map_err(|error| error.to_string())?;
        assert_eq!(answer.status, 200);
        let calls = oap.calls();
        let newest = calls.logs().last().map(|log| log.layer.clone());
        let is_it = newest.as_deref() == Some(layer);
        is_it.then_some(()).ok_or_else(|| format!("{newest:?}"))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changed_rules_are_taken_while_it_runs_and_bad_ones_never() {
    let (oap, backend) = (Oap::start(), Backend::start());
    let dir = folder();
    write(dir.path(), "a.yaml", &rule("IOS"));
    let config = config("{files: [rules]}", oap.address(), backend.address());
    let collector = Collector::start_in(Arc::clone(&dir), &config);
    let sender = Sender::http(collector.address("receivers/otlp", "http"));
    until_filed_under(&sender, &oap, "IOS").await;

    write(dir.path(), "a.yaml", BAD);
    let operator = Sender::http(collector.endpoint("metrics"));
    eventually("the bad file is seen", PATIENCE, async || {
        let answer = sender.post_protobuf(Signal::Logs, sample::logs(1).into());
        answer.await.map_err(|error| error.to_string())?;
        let metrics = operator.get("/metrics").await;
        let is_stale = metrics.contains("skyferry_lal_rules_stale{processor=\"lal\"} 1");
        is_stale.then_some(()).ok_or_else(|| "not stale".to_owned())
    })
    .await;
    collector.until_logged("what is wrong", |line| {
        let message = line["message"].as_str()?;
        let is_it = message.starts_with("the changed rules cannot be loaded");
        (is_it && message.contains("rules/a.yaml:")).then_some(())
    });
    until_filed_under(&sender, &oap, "IOS").await;

    write(dir.path(), "a.yaml", &rule("MESH"));
    until_filed_under(&sender, &oap, "MESH").await;
    let metrics = operator.get("/metrics").await;
    assert!(
        metrics.contains("skyferry_lal_rules_stale{processor=\"lal\"} 0"),
        "{metrics}"
    );
    let calls = oap.calls();
    let strays = calls
        .logs()
        .filter(|log| !["IOS", "MESH"].contains(&&*log.layer));
    assert_eq!(strays.count(), 0);
    assert_eq!(collector.stop().code, Some(0));
}
