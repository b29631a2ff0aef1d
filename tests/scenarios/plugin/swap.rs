//! A library is exchanged under load: every item once, and by one version.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;

use opentelemetry_proto::tonic::common::v1::any_value::Value;

use super::{config, folder, library, metrics, scripted, sender};
use crate::harness::flood::Flood;
use crate::harness::{Backend, Collector, Export};

const SWAPS: usize = 100;
/// Records that are acknowledged between two swaps.
const BETWEEN: usize = 20;

/// For each log record its number, and which versions of the plugin have marked it.
fn marks(backend: &Backend) -> BTreeMap<String, Vec<Vec<String>>> {
    let mut marks: BTreeMap<String, Vec<Vec<String>>> = BTreeMap::new();
    for taken in backend.taken() {
        let Export::Logs(request) = &taken.export else {
            continue;
        };
        for resource in &request.resource_logs {
            let attributes = resource.resource.iter().flat_map(|of| &of.attributes);
            let versions = attributes.filter(|of| of.key == "plugin.version");
            let versions = versions.filter_map(|of| match of.value.as_ref()?.value.as_ref()? {
                Value::StringValue(version) => Some(version.clone()),
                _ => None,
            });
            let versions: Vec<_> = versions.collect();
            for record in resource
                .scope_logs
                .iter()
                .flat_map(|scope| &scope.log_records)
            {
                let Some(Value::StringValue(text)) =
                    record.body.as_ref().and_then(|it| it.value.as_ref())
                else {
                    continue;
                };
                let of_record = marks.entry(text[..8].to_owned()).or_default();
                of_record.push(versions.clone());
            }
        }
    }
    marks
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_swaps_under_load_lose_nothing_repeat_nothing_and_mix_no_versions() {
    let backend = Backend::start();
    let dir = folder();
    let versions = ["1", "2"].map(|version| {
        let path = dir.path().join(format!("version-{version}"));
        scripted(version, &path);
        fs::read(path).expect("it was built")
    });
    let collector = Collector::start_in(Arc::clone(&dir), &config(&backend, "mark", ""));
    let http = collector.address("receivers/otlp", "http");
    let grpc = collector.address("receivers/otlp", "grpc");
    let mut flood = Flood::start(http, grpc, 4, 200);
    for swap in 1..=SWAPS {
        flood.until_acknowledged(swap * BETWEEN).await;
        // In place, while the older version runs.
        fs::write(library(&dir), &versions[swap % 2]).expect("it can be written over");
        collector.hang_up();
        collector.until_logged_times("the plugin is loaded again", swap);
    }
    flood.until_acknowledged((SWAPS + 1) * BETWEEN).await;
    let outcome = flood.stop().await;
    assert_eq!((outcome.odd.as_slice(), outcome.refused), (&[][..], 0));
    let told = metrics(&collector).await;
    let loads =
        format!("skyferry_plugin_loads_total{{processor=\"plugin\",result=\"loaded\"}} {SWAPS}");
    assert!(told.contains(&loads), "{told}");
    let sent = outcome.acknowledged.len();
    backend
        .until("every record", |tally| tally.items >= sent)
        .await;
    let ended = collector.stop();
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    let destroyed = ended.log.matches("this instance is destroyed").count();
    assert_eq!(destroyed, SWAPS + 1, "every version has ended");

    let marks = marks(&backend);
    assert_eq!(marks.len(), sent);
    let mut of_version = [0, 0];
    for (number, times) in &marks {
        let [versions] = times.as_slice() else {
            panic!("record {number} came {} times", times.len());
        };
        match versions.as_slice() {
            [version] if version == "1" => of_version[0] += 1,
            [version] if version == "2" => of_version[1] += 1,
            other => panic!("record {number} was processed by {other:?}"),
        }
    }
    assert!(of_version.iter().all(|of| *of >= SWAPS), "{of_version:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_file_is_taken_without_being_told_of() {
    let backend = Backend::start();
    let dir = folder();
    let collector = Collector::start_in(Arc::clone(&dir), &config(&backend, "mark", ""));
    let sender = sender(&collector);
    let next = dir.path().join("next");
    scripted("two", &next);
    fs::rename(next, library(&dir)).expect("they are in one folder");
    collector.until_logged_times("the plugin is loaded again", 1);
    assert_eq!(super::post(&sender, 1).await.0, 200);
    let told = metrics(&collector).await;
    let info = "skyferry_plugin_info{processor=\"plugin\",name=\"scripted\",version=\"two\"} 1";
    assert!(told.contains(info), "{told}");
    assert_eq!(collector.stop().code, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_no_plugin_changes_nothing() {
    let backend = Backend::start();
    let dir = folder();
    let collector = Collector::start_in(Arc::clone(&dir), &config(&backend, "mark", ""));
    let sender = sender(&collector);
    fs::write(library(&dir), "#!/bin/sh\n").expect("it can be written over");
    collector.hang_up();
    collector.until_logged_times("the changed library cannot be loaded", 1);
    assert_eq!(super::post(&sender, 1).await.0, 200);
    let stale = "skyferry_plugin_stale{processor=\"plugin\"} 1";
    assert!(metrics(&collector).await.contains(stale));

    fs::remove_file(library(&dir)).expect("it is there");
    collector.hang_up();
    collector.until_logged_times("the changed library cannot be loaded", 2);
    assert_eq!(super::post(&sender, 1).await.0, 200);
    backend.until("both spans", |tally| tally.items == 2).await;

    scripted("3", &library(&dir));
    collector.until_logged_times("the plugin is loaded again", 1);
    let stale = "skyferry_plugin_stale{processor=\"plugin\"} 0";
    assert!(metrics(&collector).await.contains(stale));
    assert_eq!(collector.stop().code, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plugin_that_never_returns_is_relieved_by_the_next_version() {
    let backend = Backend::start();
    let dir = folder();
    let config = config(&backend, "hang_in_1", ", timeout: 300ms, max_failures: 1");
    let collector = Collector::start_in(Arc::clone(&dir), &config);
    let sender = sender(&collector);
    assert_eq!(super::post(&sender, 1).await.0, 503);
    scripted("2", &library(&dir));
    collector.hang_up();
    collector.until_logged_times("the plugin is loaded again", 1);
    assert_eq!(super::post(&sender, 1).await.0, 200);
    let ended = collector.stop();
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    assert_eq!(backend.tally().items, 1);
}
