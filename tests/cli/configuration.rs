//! What the program says about a configuration before it runs.

use std::fs;
use std::net::TcpListener;

use serde_json::Value as Json;

use crate::harness::{Output, config_path, pipeline, skyferry, skyferry_with};
use crate::{CONFIGURATION, START};

#[test]
fn mistakes_are_shown_with_their_places_before_anything_starts() {
    let text = "receivers: {otlp: {protocols: {http: {endpont: x}}}}\nservice: {pipelines: {}}\n";
    let file = tempfile::NamedTempFile::new().expect("a file can be made");
    fs::write(file.path(), text).expect("it can be written");
    let path = file.path().to_str().expect("the path is UTF-8");
    for command in [&["--config", path][..], &["validate", "--config", path]] {
        let Output { code, stderr, .. } = skyferry(command);
        assert_eq!(code, CONFIGURATION, "{stderr}");
        assert!(stderr.contains(&format!("{path}:1:39")), "{stderr}");
        assert!(stderr.contains("^^^^^^^"), "{stderr}");
        assert!(
            stderr.contains("`endpoint`"),
            "the nearest key is named: {stderr}"
        );
    }
    let Output { code, stdout, .. } = skyferry(&["validate", "--format", "json", "--config", path]);
    assert_eq!(code, CONFIGURATION);
    let report: Json = serde_json::from_str(&stdout).expect("it is JSON");
    assert_eq!(report["valid"], false);
    assert_eq!(report["diagnostics"][0]["place"]["line"], 1);
}

#[test]
fn every_shipped_configuration_is_valid() {
    for name in ["default", "collector", "file-debug"] {
        let path = config_path(name);
        let Output { code, stderr, .. } = skyferry(&["validate", "--config", &path]);
        assert_eq!(code, 0, "{name}: {stderr}");
    }
}

#[test]
fn what_is_in_effect_matches_the_schema() {
    let schema = skyferry(&["schema"]).stdout;
    let schema: Json = serde_json::from_str(&schema).expect("it is JSON");
    let schema = jsonschema::validator_for(&schema).expect("it is a schema");
    for name in ["default", "collector", "file-debug"] {
        let path = config_path(name);
        let printed = skyferry(&["print-config", "--format", "json", "--config", &path]).stdout;
        let printed: Json = serde_json::from_str(&printed).expect("it is JSON");
        let errors = schema.iter_errors(&printed);
        let errors: Vec<_> = errors
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(errors.is_empty(), "{name}: {errors:#?}");
    }
    let wrong = serde_json::json!({ "receivers": { "otlp": { "protocls": {} } }, "service": {} });
    assert!(!schema.is_valid(&wrong), "the schema refuses nothing");
}

#[test]
fn a_collectors_file_storage_says_where_queues_are() {
    let file = |storage: &str, extensions: &str| {
        format!(
            "yaml:receivers: {{otlp: {{protocols: {{http: }}}}}}\n\
             extensions: {{file_storage/q: {{directory: /var/lib/q, timeout: 1s, compaction: {{on_start: true}}}}}}\n\
             exporters: {{otlp: {{endpoint: 'b:1', sending_queue: {{storage: {storage}}}}}}}\n\
             service: {{extensions: [{extensions}], pipelines: {{logs: {{receivers: [otlp], exporters: [otlp]}}}}}}"
        )
    };
    let validate = |text: &str| skyferry(&["validate", "--config", text]);
    let accepted = validate(&file("file_storage/q", "file_storage/q"));
    assert_eq!(accepted.code, 0, "{}", accepted.stderr);
    assert!(
        accepted.stderr.contains("need no compaction"),
        "{}",
        accepted.stderr
    );
    for (storage, extensions, says) in [
        (
            "file_storage/q",
            "",
            "list `file_storage/q` under `service.extensions`",
        ),
        (
            "file_storage",
            "file_storage/q",
            "no storage `file_storage` is at work",
        ),
        (
            "disc",
            "file_storage/q",
            "write `disk`, `memory`, or the id",
        ),
    ] {
        let Output { code, stderr, .. } = validate(&file(storage, extensions));
        assert_eq!(code, CONFIGURATION, "{stderr}");
        assert!(stderr.contains(says), "{says}: {stderr}");
    }
}

#[test]
fn what_is_said_about_queues_fits_together() {
    let validate = |keys: &str| {
        let exporter = format!("otlp: {{endpoint: 'b:1', {keys}}}");
        skyferry(&["validate", "--config", &pipeline(&exporter)])
    };
    for (keys, says) in [
        ("sending_queue: {max_bytes: 1MiB}", "16MiB is the least"),
        (
            "sending_queue: {sync: interval, sync_interval: 0s}",
            "`sync: always` syncs before",
        ),
        ("sending_queue: {sync: never}", "expects one of"),
    ] {
        let Output { code, stderr, .. } = validate(keys);
        assert_eq!(code, CONFIGURATION, "{keys}: {stderr}");
        assert!(stderr.contains(says), "{says}: {stderr}");
    }
    let told = validate("retry_on_failure: {max_elapsed_time: 5m}");
    assert_eq!(told.code, 0, "{}", told.stderr);
    assert!(
        told.stderr.contains("for 5m goes to the dead letters"),
        "{}",
        told.stderr
    );
    let kept =
        validate("sending_queue: {storage: memory}, retry_on_failure: {max_elapsed_time: 5m}");
    assert!(!kept.stderr.contains("dead letters"), "{}", kept.stderr);
}

#[test]
fn components_lists_every_type_with_its_defaults() {
    let Output { code, stdout, .. } = skyferry(&["components", "--format", "json"]);
    assert_eq!(code, 0);
    let list: Json = serde_json::from_str(&stdout).expect("it is JSON");
    for (kind, type_name, signals) in [
        ("receivers", "otlp", 3),
        ("receivers", "skywalking", 4),
        ("processors", "batch", 4),
        ("processors", "memory_limiter", 4),
        ("processors", "platform", 4),
        ("processors", "span_listeners", 1),
        ("processors", "request_histogram", 2),
        ("processors", "delta_merge", 1),
        ("exporters", "otlp_grpc", 3),
        ("exporters", "otlp_http", 3),
        ("exporters", "skywalking", 4),
        ("exporters", "file", 4),
        ("exporters", "debug", 4),
    ] {
        let entry = &list[kind][type_name];
        assert!(entry["summary"].is_string(), "{kind} {type_name}");
        assert!(entry["defaults"].is_object(), "{kind} {type_name}");
        assert_eq!(entry["signals"].as_array().map(Vec::len), Some(signals));
    }
    assert_eq!(list["exporters"]["otlp_http"]["aliases"][0], "otlphttp");
    assert_eq!(
        list["exporters"].get("demo"),
        None,
        "that is of `demo` only"
    );
    let text = skyferry(&["components"]).stdout;
    assert!(text.contains("send_batch_size: 8192"), "{text}");
}

#[test]
fn print_config_names_origins_and_masks_secrets() {
    let path = config_path("collector");
    let arguments = [
        "print-config",
        "--config",
        &path,
        "--set",
        "exporters.otlp.headers.key=hunter2",
    ];
    let Output { code, stdout, .. } =
        skyferry_with(&arguments, &[("OTLP_BACKEND", "backend:4317")]);
    assert_eq!(code, 0);
    assert!(
        stdout.contains("endpoint: backend:4317 # env:OTLP_BACKEND"),
        "{stdout}"
    );
    assert!(stdout.contains("[REDACTED]"), "{stdout}");
    assert!(stdout.contains("# default"), "{stdout}");
    assert!(!stdout.contains("hunter2"), "{stdout}");
    let plain = skyferry(&["print-config", "--no-origins", "--config", &path]).stdout;
    assert!(!plain.contains('#'), "{plain}");
}

#[test]
fn the_data_dir_reaches_the_built_in_default() {
    let printed = skyferry(&["print-config", "--data-dir", "/var/lib/sky"]).stdout;
    assert!(printed.contains("data_dir: /var/lib/sky #"), "{printed}");
    assert!(
        printed.contains("path: /var/lib/sky/telemetry.jsonl #"),
        "{printed}"
    );
}

#[test]
fn a_port_in_use_is_named_with_its_key() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("loopback has free ports");
    let address = taken.local_addr().expect("it is bound").to_string();
    for key in [
        "receivers.otlp.protocols.http.endpoint",
        "service.telemetry.health.address",
    ] {
        let set = format!("{key}={address}");
        let Output { code, stderr, .. } =
            skyferry(&["--config", &pipeline("debug: {}"), "--set", &set]);
        assert_eq!(code, START, "{stderr}");
        assert!(
            stderr.contains(&format!("cannot listen on `{address}`")),
            "{stderr}"
        );
        assert!(stderr.contains(&format!("--> --set {key}")), "{stderr}");
    }
}

#[test]
fn validate_looks_at_the_machine_only_when_strict() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("loopback has free ports");
    let address = taken.local_addr().expect("it is bound");
    let set = format!("service.telemetry.metrics.address={address}");
    let yaml = pipeline("debug: {}");
    let arguments = ["validate", "--config", &yaml, "--set", &set];
    assert_eq!(skyferry(&arguments).code, 0);
    let Output { code, stderr, .. } = skyferry(&[&arguments[..], &["--strict"]].concat());
    assert_eq!(code, CONFIGURATION);
    assert!(stderr.contains("cannot listen on"), "{stderr}");
}

#[test]
fn validate_looks_for_the_place_of_files_only_when_strict() {
    let directory = tempfile::tempdir().expect("a directory can be made");
    let path = directory.path().join("missing/all.jsonl");
    let yaml = pipeline(&format!(
        "file: {{path: {}, create_directory: false}}",
        path.display()
    ));
    let arguments = ["validate", "--config", &yaml];
    assert_eq!(skyferry(&arguments).code, 0);
    let Output { code, stderr, .. } = skyferry(&[&arguments[..], &["--strict"]].concat());
    assert_eq!(code, CONFIGURATION);
    assert!(stderr.contains("does not exist; create it"), "{stderr}");
    let creating = [
        &arguments[..],
        &["--strict", "--set", "exporters.file.create_directory=true"],
    ];
    assert_eq!(skyferry(&creating.concat()).code, 0);
    assert!(!directory.path().join("missing").exists());
}

#[test]
fn receivers_that_share_an_address_and_disagree_are_both_named_with_their_lines() {
    let free = TcpListener::bind("127.0.0.1:0").expect("loopback has free ports");
    let address = free.local_addr().expect("it is bound");
    drop(free);
    let directory = tempfile::tempdir().expect("a directory can be made");
    let file = directory.path().join("two.yaml");
    let yaml = format!(
        "receivers:
  otlp:
    protocols:
      http: {{endpoint: '{address}', idle_timeout: 2s}}
  otlp/two:
    protocols:
      http:
        idle_timeout: 1s
        endpoint: '{address}'
exporters: {{debug: }}
service:
  telemetry: {{metrics: {{level: none}}, health: {{enabled: false}}}}
  pipelines:
    logs: {{receivers: [otlp, otlp/two], exporters: [debug]}}
"
    );
    fs::write(&file, yaml).expect("the directory can be written");
    let path = file.to_str().expect("temporary names are text");
    let Output { code, stderr, .. } = skyferry(&["--config", path]);
    assert_eq!(code, START, "{stderr}");
    assert!(stderr.contains(&format!("--> {path}:9:")), "{stderr}");
    assert!(
        stderr.contains(&format!("is shared with {path}:4:")),
        "{stderr}"
    );
}

#[test]
fn keys_of_the_collector_without_a_counterpart_say_so() {
    let mut arguments = vec!["validate", "--config"];
    let yaml = pipeline("otlp: {endpoint: 'backend:4317', balancer_name: round_robin}");
    arguments.push(&yaml);
    arguments.extend([
        "--set",
        "receivers.otlp.protocols.http.include_metadata=true",
    ]);
    let Output { code, stderr, .. } = skyferry(&arguments);
    assert_eq!(code, 0, "{stderr}");
    for key in ["balancer_name", "include_metadata"] {
        let notice = format!("notice: `{key}` has no effect: ");
        assert!(stderr.contains(&notice), "{stderr}");
    }
    arguments.extend(["--set", "exporters.otlp.authority=hidden"]);
    let Output { code, stderr, .. } = skyferry(&arguments);
    assert_eq!(code, CONFIGURATION, "{stderr}");
    assert!(
        stderr.contains("`authority` is not supported: "),
        "{stderr}"
    );
}
