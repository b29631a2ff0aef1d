//! `skyferry lal`: rules are checked, tested and explained from the command line.

use std::fs;
use std::path::Path;

use crate::harness::{Output, skyferry, skyferry_reading};
use crate::{CONFIGURATION, DIFFERENT, START};

const SHIPPED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/configs/lal");

fn write(directory: &Path, name: &str, text: &str) -> String {
    let path = directory.join(name);
    fs::write(&path, text).expect("it can be written");
    path.to_str().expect("the path is UTF-8").to_owned()
}

/// A file with one rule.
fn rule(layer: &str, filter: &str) -> String {
    format!("rules:\n  - name: r\n    layer: {layer}\n    dsl: |\n      filter {{ {filter} }}\n")
}

#[test]
fn the_rules_that_come_with_it_have_nothing_to_be_warned_of() {
    let Output {
        code,
        stdout,
        stderr,
    } = skyferry(&["lal", "check", "--strict", SHIPPED]);
    assert_eq!((code, &*stderr), (0, ""));
    assert!(stdout.ends_with("in 4 files, 0 warnings\n"), "{stdout}");
}

#[test]
fn the_rules_that_come_with_it_do_what_their_data_says() {
    for name in ["ios-metrickit", "miniprogram-errors", "nginx", "slow-sql"] {
        let rules = format!("{SHIPPED}/{name}.yaml");
        let data = format!("{SHIPPED}/{name}.data.yaml");
        let Output {
            code,
            stdout,
            stderr,
        } = skyferry(&["lal", "test", &rules, &data]);
        assert_eq!((code, &*stderr), (0, ""), "{stdout}");
        assert!(stdout.contains("as expected\n"), "{stdout}");
        assert!(!stdout.contains("no input"), "{stdout}");
    }
}

#[test]
fn every_mistake_of_every_file_is_shown_with_its_place() {
    let directory = tempfile::tempdir().expect("a directory can be made");
    let first = write(directory.path(), "a.yaml", &rule("GENERAL", "sinc {}"));
    let second = write(directory.path(), "b.yaml", &rule("NOWHERE", "sink {}"));
    write(directory.path(), "b.data.yaml", "no: rules\n");
    let path = directory.path().to_str().expect("the path is UTF-8");
    let Output { code, stderr, .. } = skyferry(&["lal", "check", path]);
    assert_eq!(code, CONFIGURATION, "{stderr}");
    for expected in [
        &*format!("{first}:5:16"),
        "^^^^",
        &*format!("{second}:3:12"),
        "error: 1 error and 1 warning in 2 files",
    ] {
        assert!(stderr.contains(expected), "{expected} in {stderr}");
    }
    assert_eq!(skyferry(&["lal", "check", &second]).code, 0);
    assert_eq!(
        skyferry(&["lal", "check", "--strict", &second]).code,
        CONFIGURATION
    );
    assert_eq!(
        skyferry(&["lal", "check", &format!("{path}/none.yaml")]).code,
        START
    );
    assert_eq!(skyferry(&["lal", "check"]).code, 2);
}

#[test]
fn a_log_that_is_not_as_expected_is_8_and_shown() {
    let directory = tempfile::tempdir().expect("a directory can be made");
    let rules = rule("GENERAL", "extractor { tag a: tag(\"k\") } sink {}");
    let rules = write(directory.path(), "a.yaml", &rules);
    let data = "r:\n  - tags: {k: v}\n    expect: {tag.a: v}\n  - expect: {tag.a: v, save: true}\n";
    let data = write(directory.path(), "a.data.yaml", data);
    let Output {
        code,
        stdout,
        stderr,
    } = skyferry(&["lal", "test", &rules, &data]);
    assert_eq!(code, DIFFERENT, "{stderr}");
    let expected = format!(
        "r, input 2 ({data}:4)\n  tag.a  expected  `v`\n         actual    ``\n\n1 of 2 inputs as expected\n"
    );
    assert_eq!(stdout, expected);
    assert_eq!(stderr, "error: 1 input not as expected\n");
    let broken = write(directory.path(), "b.data.yaml", "r: {expect: {tga.a: v}}\n");
    let Output { code, stderr, .. } = skyferry(&["lal", "test", &rules, &broken]);
    assert_eq!(code, CONFIGURATION, "{stderr}");
    assert!(stderr.contains("nothing checks `tga.a`"), "{stderr}");
}

#[test]
fn an_explanation_follows_a_log_through_the_rules() {
    let log = r#"{"service": "HarborPay", "source-attributes": {"os.name": "iOS"},
                  "tags": {"name": "metrickit.diagnostic.hang", "metrickit.diagnostic.hang.hang_duration": "2.75"}}"#;
    let Output {
        code,
        stdout,
        stderr,
    } = skyferry_reading(&["lal", "explain", SHIPPED], log);
    assert_eq!((code, &*stderr), (0, ""));
    for expected in [
        "ios-metrickit-diagnostics (automatic)\n",
        "layer \"IOS\"\n         `IOS`\n",
        "hang.duration = `2.75`",
        "=> sample: ios_diagnostic_count {service_name=`HarborPay`",
        "=> log: layer `IOS`, service `HarborPay`",
        "end: the log is claimed, 1 record kept",
        "miniprogram-errors (automatic)\n",
        "end: the rule has aborted",
        "\nclaimed: ",
    ] {
        assert!(stdout.contains(expected), "{expected} in {stdout}");
    }
    let explain = |log: &str| skyferry_reading(&["lal", "explain", SHIPPED], log);
    assert!(
        explain("layer: IOS")
            .stdout
            .contains("a log needs a `service`")
    );
    let unknown = explain("{service: a, layer: NOWHERE}").stdout;
    assert!(
        unknown.contains("nobody has a layer `NOWHERE`"),
        "{unknown}"
    );
    assert_eq!(explain("[1]").code, CONFIGURATION);
}

#[test]
fn logs_are_explained_as_clients_send_them() {
    let record = |name: &str| {
        format!(
            r#"{{"resourceLogs":[{{"resource":{{"attributes":[{{"key":"service.name","value":{{"stringValue":"HarborPay"}}}},
            {{"key":"os.name","value":{{"stringValue":"iOS"}}}}]}},"scopeLogs":[{{"logRecords":[
            {{"attributes":[{{"key":"name","value":{{"stringValue":"{name}"}}}}]}}]}}]}}]}}"#
        )
    };
    let sent = format!(
        "{}\n{}\n",
        record("metrickit.diagnostic.crash"),
        record("foo")
    );
    let told = skyferry_reading(&["lal", "explain", SHIPPED], &sent).stdout;
    let (first, second) = told.split_once("---- log 2").expect("there are two");
    assert!(
        first.contains("kind = `crash`") && first.contains("\nclaimed: "),
        "{told}"
    );
    assert!(second.contains("not claimed by any rule"), "{told}");
    let native = r#"[{"service": "nginx::edge", "serviceInstance": "edge-1", "layer": "NGINX", "timestamp": 5,
        "body": {"text": {"text": "2026/11/20 08:00:01 [error] 31#31: x"}},
        "tags": {"data": [{"key": "LOG_KIND", "value": "NGINX_ERROR_LOG"}]}}]"#;
    let told = skyferry_reading(&["lal", "explain", SHIPPED], native).stdout;
    assert!(
        told.contains("nginx_error_log_count {level=`error`"),
        "{told}"
    );
    let broken = r#"{"resourceLogs": 5}"#;
    let Output { code, stderr, .. } = skyferry_reading(&["lal", "explain", SHIPPED], broken);
    assert_eq!(code, CONFIGURATION);
    assert!(stderr.contains("resourceLogs"), "{stderr}");
}
