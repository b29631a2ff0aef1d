//! Full files are set aside, and not kept for ever.

use std::time::Duration;

use super::super::log::{Log, Rotation};
use super::fixture::{FaultyDisk, Fixture, JSON, rotation, terms};

fn open(fixture: &Fixture, rotation: Rotation) -> Log<FaultyDisk> {
    let mut terms = terms(JSON);
    terms.rotation = Some(rotation);
    fixture.open(terms).unwrap()
}

fn names(fixture: &Fixture) -> Vec<String> {
    fixture.others().into_iter().map(|(name, _)| name).collect()
}

#[test]
fn a_full_file_is_set_aside_under_the_time() {
    let fixture = Fixture::new();
    let mut log = open(&fixture, rotation(16));
    for record in [b"{first}\n", b"{secon}\n", b"{third}\n"] {
        log.write(&[record]).unwrap();
    }
    assert_eq!(fixture.content(), b"{third}\n");
    let aside = (
        "data-2026-11-21T10-00-00.000.json".to_owned(),
        "{first}\n{secon}\n".to_owned(),
    );
    assert_eq!(fixture.others(), [aside]);
}

#[test]
fn a_file_that_was_full_before_the_start_is_set_aside_at_the_first_write() {
    let fixture = Fixture::new();
    std::fs::write(&fixture.path, b"{first}\n{second}\n").unwrap();
    open(&fixture, rotation(16)).write(&[b"{third}\n"]).unwrap();
    assert_eq!(fixture.content(), b"{third}\n");
    assert_eq!(names(&fixture), ["data-2026-11-21T10-00-00.000.json"]);
}

#[test]
fn files_set_aside_in_one_millisecond_do_not_replace_each_other() {
    let fixture = Fixture::new();
    let mut log = open(&fixture, rotation(1));
    for record in [b"{1}\n", b"{2}\n", b"{3}\n"] {
        log.write(&[record]).unwrap();
    }
    let kept: Vec<_> = fixture
        .others()
        .into_iter()
        .map(|(_, content)| content)
        .collect();
    assert_eq!(kept, ["{1}\n", "{2}\n"]);
}

#[test]
fn the_oldest_of_too_many_are_removed() {
    let fixture = Fixture::new();
    let rotation = Rotation {
        backups_max: 2,
        ..rotation(1)
    };
    let mut log = open(&fixture, rotation);
    std::fs::write(fixture.directory.path().join("data-old.json"), "not ours").unwrap();
    for record in [b"{1}\n", b"{2}\n", b"{3}\n", b"{4}\n"] {
        log.write(&[record]).unwrap();
        fixture.advance(Duration::from_secs(1));
    }
    let expected = [
        "data-2026-11-21T10-00-02.000.json",
        "data-2026-11-21T10-00-03.000.json",
        "data-old.json",
    ];
    assert_eq!(names(&fixture), expected);
}

#[test]
fn files_set_aside_too_long_ago_are_removed() {
    let fixture = Fixture::new();
    let rotation = Rotation {
        days_max: 2,
        ..rotation(1)
    };
    let mut log = open(&fixture, rotation);
    for record in [b"{1}\n", b"{2}\n", b"{3}\n", b"{4}\n", b"{5}\n"] {
        log.write(&[record]).unwrap();
        fixture.advance(Duration::from_secs(24 * 60 * 60));
    }
    let expected = [
        "data-2026-11-23T10-00-00.000.json",
        "data-2026-11-24T10-00-00.000.json",
        "data-2026-11-25T10-00-00.000.json",
    ];
    assert_eq!(names(&fixture), expected);
}

#[test]
fn a_file_that_cannot_be_followed_by_a_new_one_grows_on() {
    let fixture = Fixture::new();
    let mut log = open(&fixture, rotation(1));
    log.write(&[b"{1}\n"]).unwrap();
    fixture.disk.state.lock().opens_fail = 1;
    log.write(&[b"{2}\n"]).unwrap();
    assert_eq!(fixture.content(), b"{1}\n{2}\n");
    assert_eq!(fixture.others(), []);
    log.write(&[b"{3}\n"]).unwrap();
    assert_eq!(fixture.content(), b"{3}\n");
}

#[test]
fn a_file_that_somebody_took_away_is_followed_by_a_new_one() {
    let fixture = Fixture::new();
    let mut log = open(&fixture, rotation(1));
    log.write(&[b"{1}\n"]).unwrap();
    std::fs::rename(&fixture.path, fixture.directory.path().join("taken")).unwrap();
    log.write(&[b"{2}\n"]).unwrap();
    assert_eq!(fixture.content(), b"{2}\n");
    assert_eq!(fixture.others(), [("taken".to_owned(), "{1}\n".to_owned())]);
}
