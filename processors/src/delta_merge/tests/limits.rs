//! Resends, late points, too many series, and what an operator may not say.

use super::*;

#[test]
fn the_same_bytes_are_counted_once_also_across_the_end_of_a_window() {
    let mut rig = Rig::new("{}");
    let device = || Device::of("shop", "a").requests("index", &[60.0]);
    rig.take(device());
    rig.take(device());
    rig.take(device().requests("index", &[61.0]));
    assert_eq!(rig.close().len(), 1);
    rig.take(device());
    assert!(rig.close().is_empty());
    assert_eq!((rig.counted("repeated"), rig.counted("merged")), (2, 3));
    rig.take(device());
    assert_eq!(
        rig.close().len(),
        1,
        "two windows later it is something new"
    );
}

#[test]
fn late_points_are_folded_left_out_or_of_their_own_minute_as_the_operator_says() {
    let hours_ago = NOW_MS - 3 * 3_600_000;
    let just_before = START_MS - 1;
    for (late, expected, counted) in [
        ("fold", vec![(START_MS, 3)], 1),
        ("drop", vec![(START_MS, 2)], 1),
        (
            "own_minute",
            vec![(hours_ago - hours_ago % MINUTE_MS, 1), (START_MS, 2)],
            1,
        ),
    ] {
        let mut rig = Rig::new(&format!("{{late: {late}, point_attributes: []}}"));
        for at_ms in [NOW_MS, hours_ago, just_before] {
            let device = Device::of("shop", &at_ms.to_string());
            rig.take(device.requests_at(at_ms, "index", &[60.0]));
        }
        let submissions = rig.close();
        let found = submissions.iter().map(|submission| {
            let Data::Histogram(histogram) = &metrics(submission)["miniprogram.request.duration"]
            else {
                panic!("it stays a histogram");
            };
            let point = &histogram.data_points[0];
            (point.start_time_unix_nano / 1_000_000, point.count)
        });
        assert_eq!(found.collect::<Vec<_>>(), expected, "{late}");
        assert_eq!(rig.counted("late"), counted, "{late}");
    }
}

#[test]
fn more_series_than_there_is_room_for_are_one_overflow_series() {
    let mut rig = Rig::new("{max_series: 3}");
    for device in 0..10 {
        rig.take(Device::of("shop", &format!("{device}")).requests("index", &[60.0]));
    }
    rig.take(Device::of("another", "a").gauge("launch", 1.0));
    let submissions = rig.close();
    assert_eq!(submissions.len(), 1);
    let Data::Histogram(histogram) = &metrics(&submissions[0])["miniprogram.request.duration"]
    else {
        panic!("it stays a histogram");
    };
    let counts: Vec<_> = histogram
        .data_points
        .iter()
        .map(|point| point.count)
        .collect();
    assert_eq!(counts.iter().sum::<u64>(), 10);
    assert_eq!(counts.len(), 4);
    let outcomes = ["merged", "overflowed", "dropped_for_room"].map(|it| rig.counted(it));
    assert_eq!(outcomes, [3, 7, 1]);
}

#[test]
fn names_and_attributes_without_end_fill_the_room_and_not_the_memory() {
    let long = "x".repeat(10 << 10);
    let mut rig = Rig::new("{max_memory_bytes: 1MiB}");
    for device in 0..200 {
        let name = format!("{device}-{long}");
        rig.take(Device::of("shop", "a").gauge(&name, 1.0));
        rig.take(Device::of(&name, "a").gauge("launch", 1.0));
        rig.take(Device::of("shop", &name).gauge("launch", 1.0));
    }
    let submissions = rig.close();
    let points: u64 = ["merged", "overflowed", "dropped_for_room"]
        .map(|it| rig.counted(it))
        .iter()
        .sum();
    assert_eq!(points, 600);
    assert!(rig.counted("dropped_for_room") > 300);
    let bytes: usize = submissions.iter().map(Message::encoded_len).sum();
    assert!(bytes < 2 << 20, "{bytes}");
    let of_shop = metrics(&submissions[0]);
    let Data::Gauge(launches) = &of_shop["launch"] else {
        panic!("it stays a gauge");
    };
    assert_eq!(
        launches.data_points.len(),
        200,
        "the last in the overflow series"
    );
}

#[test]
fn refuses_a_configuration_that_makes_no_sense_and_says_what_would() {
    for (text, message) in [
        ("{flush_interval: 1500ms}", "OAP wants `60s`"),
        ("{flush_interval: 0s}", "from `1s` to `1h`"),
        ("{group_by: []}", "all services would be one"),
        (
            "{point_attributes: [service.name]}",
            "in `group_by` and in `point_attributes`",
        ),
        ("{gauge_statistics: true}", "write `gauges: mean`"),
        ("{max_series: 0}", "`max_series` 0"),
        ("{max_memory_bytes: 1KiB}", "at least `1MiB`"),
        ("{max_journal_bytes: 1KiB}", "at least `16MiB`"),
    ] {
        let (config, section) = read_text::<Config>(text).expect("the schema takes it");
        let mut problems = section.problems();
        config.check(&mut problems);
        let said = problems.into_diagnostics().to_string();
        assert!(said.contains(message), "{text}: {said}");
    }
}
