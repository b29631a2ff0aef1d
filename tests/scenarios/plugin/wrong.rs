//! Libraries and configurations that cannot be put to work end the start, each with its place.

use std::fs;
use std::sync::Arc;

use super::{LIBRARY, config, folder, library};
use crate::harness::{Backend, Collector};

/// Starts with this configuration of the plugin and expects to be told of `expected`.
async fn refuses_to_start(config: &str, expected: &[&str]) {
    refuses_to_start_in(folder(), config, expected).await;
}

async fn refuses_to_start_in(dir: Arc<tempfile::TempDir>, config: &str, expected: &[&str]) {
    let ended = Collector::start_in(dir, config).ended();
    assert_eq!(ended.code, Some(4), "{}", ended.log);
    for text in expected {
        assert_eq!(
            ended.log.matches(text).count(),
            1,
            "not once `{text}` in:\n{}",
            ended.log
        );
    }
}

#[tokio::test]
async fn a_value_that_the_plugins_schema_refuses_is_told_of_by_line_and_column() {
    let backend = Backend::start();
    let config = config(&backend, "nothing", "");
    let line = config.lines().position(|line| line.contains("do: nothing"));
    let line = line.expect("it is written") + 1;
    let place = format!("config.yaml:{line}:");
    refuses_to_start(&config, &[&place, "\"nothing\" is not one of"]).await;
    let config = config.replace("do: nothing", "do: mark, colour: red");
    refuses_to_start(
        &config,
        &[&place, "`colour` is no key that the plugin knows"],
    )
    .await;
}

#[tokio::test]
async fn a_library_that_is_not_there_is_told_of() {
    let backend = Backend::start();
    let config = config(&backend, "mark", "").replace(LIBRARY, "nowhere.so");
    refuses_to_start(&config, &["cannot read it", "config.yaml:"]).await;
}

#[tokio::test]
async fn a_library_with_another_digest_is_not_loaded() {
    let backend = Backend::start();
    let digest = "0".repeat(64);
    let config = config(&backend, "mark", &format!(", sha256: {digest:?}"));
    refuses_to_start(&config, &[&format!("asks for {digest}")]).await;
}

#[tokio::test]
async fn a_file_that_is_no_library_is_told_of_by_what_it_is() {
    let backend = Backend::start();
    let config = config(&backend, "mark", "");
    let dir = folder();
    fs::write(library(&dir), "#!/bin/sh\nexit 0\n").expect("it can be written over");
    refuses_to_start_in(dir, &config, &["script"]).await;
}
