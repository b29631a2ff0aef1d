use engine::config::read_text;

use super::*;

#[track_caller]
fn grpc_problem(yaml: &str) -> String {
    let (_, section) = read_text::<GrpcConfig>(yaml).unwrap_or_else(|found| panic!("{found}"));
    let mut problems = section.problems();
    GRPC.check(&section, &mut problems);
    problems.into_diagnostics().to_string()
}

#[track_caller]
fn http_problem(yaml: &str) -> String {
    let (_, section) = read_text::<HttpConfig>(yaml).unwrap_or_else(|found| panic!("{found}"));
    let mut problems = section.problems();
    HTTP.check(&section, &mut problems);
    problems.into_diagnostics().to_string()
}

#[test]
fn problems_of_the_grpc_exporter_say_what_would_be_right() {
    let cases = [
        ("compression: none", "`endpoint` is required"),
        ("endpoint: backend", "the port is missing"),
        (
            "endpoint: 'ftp://backend:21'",
            "`ftp://backend:21` is no endpoint",
        ),
        (
            "{endpoint: 'b:1', headers: {'a b': c}}",
            "`a b` is no header name",
        ),
        (
            "{endpoint: 'b:1', sending_queue: {batch: {min_size: 10, max_size: 5}}}",
            "`max_size` 5 is below `min_size` 10",
        ),
        (
            "{endpoint: 'b:1', retry_on_failure: {max_interval: 10m, max_elapsed_time: 5m}}",
            "`max_interval` 10m exceeds `max_elapsed_time` 5m",
        ),
        (
            "{endpoint: 'b:1', tls: {insecure: true, ca_file: a.pem}}",
            "ca_file",
        ),
    ];
    for (yaml, expected) in cases {
        let found = grpc_problem(yaml);
        assert!(
            found.contains(expected),
            "{yaml}: expected `{expected}` in\n{found}"
        );
    }
    assert_eq!(grpc_problem("endpoint: 'backend:4317'"), "");
}

#[test]
fn problems_of_the_http_exporter_say_what_would_be_right() {
    assert!(http_problem("compression: none").contains("`endpoint` is required"));
    assert!(http_problem("endpoint: 'backend:4318'").contains("is no endpoint"));
    assert_eq!(
        http_problem("traces_endpoint: 'https://backend/otlp/v1/traces'"),
        ""
    );
}

#[test]
fn the_scheme_or_tls_insecure_decides_about_plain_text() {
    let url = |yaml: &str| {
        let (config, _) = read_text::<GrpcConfig>(yaml).unwrap_or_else(|found| panic!("{found}"));
        config.url()
    };
    assert_eq!(url("endpoint: 'b:4317'"), "https://b:4317");
    assert_eq!(
        url("{endpoint: 'b:4317', tls: {insecure: true}}"),
        "http://b:4317"
    );
    assert_eq!(url("endpoint: 'http://b:4317'"), "http://b:4317");
}

#[test]
fn a_signals_own_endpoint_is_the_whole_url() {
    let yaml = "{endpoint: 'http://b:1/base/', logs_endpoint: 'http://c:2/x'}";
    let (config, _) = read_text::<HttpConfig>(yaml).unwrap_or_else(|found| panic!("{found}"));
    assert_eq!(config.urls()[0].1, "http://b:1/base/v1/traces");
    assert_eq!(config.urls()[2].1, "http://c:2/x");
}
