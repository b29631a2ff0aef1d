//! Names of rotated files: `data.json` becomes `data-2022-09-14T05-02-14.173.json`.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// As the collector writes it; sorts by time as text.
const TIME_FORMAT: &str = "%Y-%m-%dT%H-%M-%S%.3f";

/// A rotated file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Backup {
    /// When it was set aside, in the time zone of the name.
    pub time: DateTime,
    pub path: PathBuf,
}

/// The path that `active` is renamed to when it is set aside at `time`.
pub fn path(active: &Path, time: Timestamp, zone: &TimeZone) -> PathBuf {
    let stamp = time.to_zoned(zone.clone()).strftime(TIME_FORMAT);
    let mut name = stem(active).to_owned();
    name.push(format!("-{stamp}"));
    name.push(extension(active));
    active.with_file_name(name)
}

/// The rotated files of `active`, oldest first.
pub fn list(active: &Path) -> io::Result<Vec<Backup>> {
    let directory = active.parent().unwrap_or(Path::new(""));
    let directory = match directory.as_os_str().is_empty() {
        true => Path::new("."),
        false => directory,
    };
    let mut backups = Vec::new();
    for entry in directory.read_dir()? {
        let name = entry?.file_name();
        if let Some(time) = time_in(&name, active) {
            let path = active.with_file_name(name);
            backups.push(Backup { time, path });
        }
    }
    backups.sort();
    Ok(backups)
}

/// The time in the name of a rotated file of `active`.
fn time_in(name: &OsStr, active: &Path) -> Option<DateTime> {
    let (stem, extension) = (stem(active).to_str()?, extension(active));
    let rest = name.to_str()?.strip_prefix(stem)?.strip_prefix('-')?;
    let stamp = rest.strip_suffix(extension.to_str()?)?;
    DateTime::strptime(TIME_FORMAT, stamp).ok()
}

fn stem(active: &Path) -> &OsStr {
    active.file_stem().unwrap_or_default()
}

/// With its dot; empty if there is none.
fn extension(active: &Path) -> OsString {
    let mut extension = OsString::new();
    if let Some(written) = active.extension() {
        extension.push(".");
        extension.push(written);
    }
    extension
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_collectors_and_read_back() {
        let time: Timestamp = "2022-09-14T05:02:14.173Z".parse().unwrap();
        let cases = [
            ("/var/data.json", "/var/data-2022-09-14T05-02-14.173.json"),
            ("data", "data-2022-09-14T05-02-14.173"),
            ("a.b.json", "a.b-2022-09-14T05-02-14.173.json"),
        ];
        for (active, expected) in cases {
            let active = Path::new(active);
            let path = path(active, time, &TimeZone::UTC);
            assert_eq!(path, Path::new(expected));
            let read = time_in(path.file_name().unwrap(), active).expect("reads back");
            assert_eq!(read.to_string(), "2022-09-14T05:02:14.173");
        }
    }

    #[test]
    fn whole_seconds_have_three_decimals_too() {
        let time: Timestamp = "2022-09-14T05:02:14Z".parse().unwrap();
        let path = path(Path::new("data.json"), time, &TimeZone::UTC);
        assert_eq!(path, Path::new("data-2022-09-14T05-02-14.000.json"));
    }

    #[test]
    fn other_files_are_no_backups() {
        let active = Path::new("data.json");
        for name in [
            "data.json",
            "data-old.json",
            "data.json.torn",
            "data-2022-09-14T05-02-14.173.json.torn",
            "other-2022-09-14T05-02-14.173.json",
        ] {
            assert_eq!(time_in(OsStr::new(name), active), None, "{name}");
        }
    }
}
