mod documented;
mod values;

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::*;
use crate::span_listeners::testkit::{
    ARRIVED, DAY, DAY_END, Point, PointValue, Stage, only, points, recorded, resources, span,
    traces,
};

const APP: [(&str, &str); 4] = [
    ("service.name", "HarborPay"),
    ("service.version", "5.3.0 (812)"),
    ("os.name", "iOS"),
    ("os.version", "18.2.0"),
];

fn stage(names: Names) -> Stage {
    Stage::of(|tally| MetricKit::new(&Config { names }, tally))
}

/// A request of spans of MetricKit, of an app with these resource attributes.
fn request(resource: &[(&str, &str)], spans: Vec<Value>) -> Vec<u8> {
    let resource: Vec<_> = resource
        .iter()
        .map(|(key, text)| (*key, json!(text)))
        .collect();
    traces(&resource, &[("MetricKit", spans)])
}

/// What one payload with these attributes becomes.
fn payload(names: Names, of: &[(&str, Value)]) -> Vec<Point> {
    stage(names).points(&request(&APP, vec![span("MXMetricPayload", of)]))
}

fn invalid(stage: &Stage, reason: &str) -> f64 {
    let labels = [("listener", "metrickit"), ("reason", reason)];
    stage.count("skyferry_span_listener_invalid_values_total", &labels)
}

fn unmeasured(stage: &Stage, reason: &str) -> f64 {
    let name = "skyferry_metrickit_unmeasured_spans_total";
    stage.count(name, &[("reason", reason)])
}

/// The bound of the bucket in which a point's only observation is.
fn bucket(point: &Point) -> f64 {
    let PointValue::Histogram { counts, bounds, .. } = &point.value else {
        panic!("{point:?} is no histogram");
    };
    assert_eq!(counts.iter().sum::<u64>(), 1);
    let bucket = counts.iter().position(|count| *count == 1);
    let bounds = bounds.iter().copied().chain([f64::INFINITY]);
    bounds
        .zip(0..)
        .find_map(|(bound, n)| (Some(n) == bucket).then_some(bound))
        .expect("one bucket holds it")
}

#[test]
fn the_example_becomes_the_metrics_that_oap_has_rules_for() {
    let stage = stage(Names::Oap);
    let derivation = stage.derive(&recorded("example", 0));
    assert!(derivation.main.is_none(), "a day is no trace");
    let points = points(&derivation);
    let expected = [
        ("metrickit_app_launch_time_histogram", 0.742, "s"),
        ("metrickit_hang_time", 335.0, "ms"),
        ("metrickit_hang_time_histogram", 0.335, "s"),
        ("metrickit_background_abnormal_exit_count", 0.0, "{exit}"),
        ("metrickit_background_oom_kill_count", 2.0, "{exit}"),
        ("metrickit_cellular_download", 18_400_000.0, "By"),
        ("metrickit_cellular_upload", 2_100_000.0, "By"),
        ("metrickit_cpu_time", 188.4, "s"),
        ("metrickit_disk_write", 1_342_177_280.0, "By"),
        ("metrickit_foreground_abnormal_exit_count", 1.0, "{exit}"),
        ("metrickit_gpu_time", 61.9, "s"),
        ("metrickit_peak_memory", 201_326_592.0, "By"),
        ("metrickit_scroll_hitch_ratio", 6.4, "ms/s"),
        ("metrickit_wifi_download", 96_500_000.0, "By"),
        ("metrickit_wifi_upload", 7_300_000.0, "By"),
    ];
    assert_eq!(points.len(), expected.len());
    for (metric, number, unit) in expected {
        let point = only(&points, metric);
        assert_eq!(
            (point.value.number(), &*point.unit),
            (number, unit),
            "{metric}"
        );
        assert_eq!(point.times, [DAY_END - DAY, DAY_END], "the day of its end");
        let labels: Vec<_> = point.attributes.iter().collect();
        let labels: Vec<_> = labels.iter().map(|(key, it)| (&***key, &***it)).collect();
        let device = [
            ("device.model", "iPhone16,1"),
            ("os.version", "18.2"),
            ("service.instance.id", "5.3.0 (812)"),
        ];
        assert_eq!(labels, device);
        assert_eq!(point.resource["service.name"], "HarborPay");
        assert!(
            !point.resource.contains_key("device.id"),
            "it is a person's"
        );
    }
    assert_eq!(
        bucket(only(&points, "metrickit_app_launch_time_histogram")),
        0.8
    );
    assert_eq!(bucket(only(&points, "metrickit_hang_time_histogram")), 0.4);
}

#[test]
fn under_otlp_names_every_attribute_that_measures_is_used() {
    let points = stage(Names::Otlp).points(&recorded("example", 0));
    let measuring = table::PAYLOAD
        .iter()
        .filter(|row| row.role == Role::Measures);
    assert_eq!(points.len(), measuring.count());
    let exits: f64 = points
        .iter()
        .filter(|point| point.metric == "ios.app.exits")
        .map(|point| point.value.number())
        .sum();
    assert_eq!(exits, 20.0);
    let peak = only(&points, "ios.memory.peak");
    assert_eq!(peak.value, PointValue::Gauge(201_326_592.0));
    let labels: Vec<_> = peak.attributes.iter().collect();
    let labels: Vec<_> = labels.iter().map(|(key, it)| (&***key, &***it)).collect();
    let expected = [
        ("device.model.identifier", "iPhone16,1"),
        ("os.version", "18.2"),
        ("service.version", "5.3.0 (812)"),
    ];
    assert_eq!(labels, expected);
}

#[test]
fn three_devices_of_the_proposal_add_up_to_what_it_says() {
    let sum = |points: &[Point], metric: &str| -> f64 {
        let of = points.iter().filter(|point| point.metric == metric);
        of.map(|point| point.value.number()).sum()
    };
    for (names, launch, peak, exits, download) in [
        (
            Names::Oap,
            "metrickit_app_launch_time_histogram",
            "metrickit_peak_memory",
            "metrickit_foreground_abnormal_exit_count",
            "metrickit_wifi_download",
        ),
        (
            Names::Otlp,
            "ios.app.launch.duration",
            "ios.memory.peak",
            "ios.app.exits",
            "ios.network.io",
        ),
    ] {
        let stage = stage(names);
        let devices = (0..3).flat_map(|line| stage.points(&recorded("three-devices", line)));
        let points: Vec<Point> = devices.collect();
        assert!(points.iter().all(|point| point.times[1] == DAY_END));
        let mut buckets: Vec<_> = points
            .iter()
            .filter(|point| point.metric == launch)
            .map(bucket)
            .collect();
        buckets.sort_by(f64::total_cmp);
        assert_eq!(buckets, [1.0, 1.0, 1.5], "P50 is in 1 s, P90 in 1.5 s");
        let mean = sum(&points, launch) / 3.0;
        assert_eq!((mean * 1000.0).round(), 983.0);
        let peaks = points.iter().filter(|point| point.metric == peak);
        let peaks = peaks.map(|point| point.value.number());
        assert_eq!(peaks.fold(0.0, f64::max), 200e6);
        assert_eq!(sum(&points, exits), 3.0);
        assert_eq!(sum(&points, download), 160e6);
    }
}

#[test]
fn no_span_of_metrickit_goes_on_whatever_its_platform() {
    let names = ["MXMetricPayload", "MXDiagnosticPayload", "MXSignpostMetric"];
    let spans: Vec<_> = names.iter().map(|name| span(name, &[])).collect();
    for os in ["iOS", "iPadOS", "macOS", "visionOS", ""] {
        for kind in [Names::Oap, Names::Otlp] {
            let body = request(&[("os.name", os)], spans.clone());
            assert!(stage(kind).derive(&body).main.is_none(), "{os}");
        }
    }
    let body = request(&APP, vec![span("MXSomethingNew", &[])]);
    assert!(stage(Names::Oap).derive(&body).main.is_some());
}

#[test]
fn series_of_oap_are_of_named_services_on_its_two_platforms() {
    let cpu = || {
        vec![span(
            "MXMetricPayload",
            &[("metrickit.cpu.cpu_time", json!(1))],
        )]
    };
    for (os, service, measured, reason) in [
        ("iOS", "HarborPay", 1, ""),
        ("iPadOS", "HarborPay", 1, ""),
        ("macOS", "HarborPay", 0, "other_platform"),
        ("ios", "HarborPay", 0, "other_platform"),
        ("iOS", "", 0, "no_service_name"),
    ] {
        let body = request(&[("os.name", os), ("service.name", service)], cpu());
        let oap = stage(Names::Oap);
        assert_eq!(oap.points(&body).len(), measured, "{os} {service}");
        if !reason.is_empty() {
            assert_eq!(unmeasured(&oap, reason), 1.0, "{os} {service}");
        }
        assert_eq!(stage(Names::Otlp).points(&body).len(), 1, "{os} {service}");
    }
}

#[test]
fn device_and_system_are_the_spans_then_the_resources_then_unknown() {
    let cpu = ("metrickit.cpu.cpu_time", json!(1));
    let spans = |of: &[(&str, Value)]| vec![span("MXMetricPayload", of)];
    let of_span = [
        ("metrickit.metadata.device_type", json!("iPhone14,5")),
        (
            "metrickit.metadata.os_version",
            json!("iPhone OS 17.4.1 (21E236)"),
        ),
        cpu.clone(),
    ];
    let bare = [("os.name", "iOS"), ("service.name", "HarborPay")];
    let with_device = [&APP[..], &[("device.model.identifier", "iPhone16,1")]].concat();
    for (resource, of, device, os, instance) in [
        (
            &with_device[..],
            &of_span[..],
            "iPhone14,5",
            "17.4.1",
            "5.3.0 (812)",
        ),
        (
            &with_device,
            &of_span[2..],
            "iPhone16,1",
            "18.2.0",
            "5.3.0 (812)",
        ),
        (&bare, &of_span[2..], "unknown", "unknown", "unknown"),
    ] {
        let points = stage(Names::Oap).points(&request(resource, spans(of)));
        let labels = &points[0].attributes;
        assert_eq!(labels["device.model"], device);
        assert_eq!(labels["os.version"], os);
        assert_eq!(labels["service.instance.id"], instance);
    }
    let points = stage(Names::Otlp).points(&request(&bare, spans(&[cpu])));
    assert!(
        points[0].attributes.is_empty(),
        "{:?}",
        points[0].attributes
    );
}

#[test]
fn the_version_is_the_one_that_the_payload_is_about() {
    let latest = ("metrickit.latest_application_version", json!("5.2.0"));
    let build = ("metrickit.metadata.app_build_version", json!("801"));
    let mixed = |is| {
        (
            "metrickit.includes_multiple_application_versions",
            json!(is),
        )
    };
    let cpu = ("metrickit.cpu.cpu_time", json!(1));
    for (of, version) in [
        (
            vec![latest.clone(), build.clone(), mixed(false)],
            "5.2.0 (801)",
        ),
        (vec![latest.clone()], "5.2.0"),
        (vec![latest, build, mixed(true)], "mixed"),
        (vec![], "5.3.0 (812)"),
    ] {
        let of = [of, vec![cpu.clone()]].concat();
        assert_eq!(
            payload(Names::Otlp, &of)[0].attributes["service.version"],
            version
        );
        let instance = &payload(Names::Oap, &of)[0].attributes["service.instance.id"];
        assert_eq!(
            instance, "5.3.0 (812)",
            "OAP's instances are those of other signals"
        );
    }
}

#[test]
fn payloads_of_several_days_are_told_apart() {
    let day = |day: u64| {
        let mut payload = span("MXMetricPayload", &[("metrickit.cpu.cpu_time", json!(1))]);
        payload["startTimeUnixNano"] = json!((DAY_END - (day + 1) * DAY).to_string());
        payload["endTimeUnixNano"] = json!((DAY_END - day * DAY).to_string());
        payload
    };
    let body = request(&APP, vec![day(0), day(1), day(0)]);
    let derivation = stage(Names::Oap).derive(&body);
    assert_eq!(
        resources(&derivation).len(),
        2,
        "OAP would take them for one minute"
    );
    let points = points(&derivation);
    let days: Vec<_> = points
        .iter()
        .map(|it| (it.times[1], it.value.number()))
        .collect();
    assert_eq!(days, [(DAY_END - DAY, 1.0), (DAY_END, 2.0)]);
}

#[test]
fn a_span_without_times_is_of_the_moment_it_arrived() {
    let mut payload = span("MXMetricPayload", &[("metrickit.cpu.cpu_time", json!(1))]);
    payload["startTimeUnixNano"] = json!("0");
    payload["endTimeUnixNano"] = json!("0");
    let points = stage(Names::Oap).points(&request(&APP, vec![payload]));
    assert_eq!(points[0].times, [ARRIVED, ARRIVED]);
}

#[test]
fn signposts_are_measured_by_name_and_only_so_many_of_them() {
    let signpost = |name: &str| {
        let of = [
            ("signpost.name", json!(name)),
            ("signpost.category", json!("checkout")),
            ("signpost.count", json!(4)),
            ("signpost.cpu_time", json!({"doubleValue": "NaN"})),
            ("signpost.hitch_time_ratio", json!(6.4)),
        ];
        span("MXSignpostMetric", &of)
    };
    let otlp = stage(Names::Otlp);
    let points = otlp.points(&request(&APP, vec![signpost("pay")]));
    assert_eq!(points.len(), 2);
    let count = only(&points, "ios.signpost.count");
    assert_eq!(count.value, PointValue::Sum(4.0));
    assert_eq!(count.attributes["signpost.name"], "pay");
    assert_eq!(count.attributes["signpost.category"], "checkout");
    assert_eq!(invalid(&otlp, "nan"), 1.0);
    let many = (0..SIGNPOSTS_MAX + 10).map(|n| signpost(&n.to_string()));
    let points = otlp.points(&request(&APP, many.collect()));
    let counts = points.iter().filter(|it| it.metric == "ios.signpost.count");
    let names: BTreeSet<_> = counts.map(|it| &*it.attributes["signpost.name"]).collect();
    // One name was there before.
    assert_eq!(names.len(), SIGNPOSTS_MAX);
    assert!(names.contains(OVERFLOW));
    assert!(
        stage(Names::Oap)
            .points(&request(&APP, vec![signpost("pay")]))
            .is_empty()
    );
}
