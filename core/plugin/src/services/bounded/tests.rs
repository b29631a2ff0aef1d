use parking_lot::Mutex;

use super::*;

/// What was told, as lines.
#[derive(Default)]
struct Told(Mutex<Vec<String>>);

impl Services for Told {
    fn log(&self, level: Level, text: &str) {
        self.0.lock().push(format!("{level:?} {text}"));
    }

    fn counter(&self, name: &str, add: u64) {
        self.0.lock().push(format!("{name} +{add}"));
    }

    fn gauge(&self, name: &str, value: f64) {
        self.0.lock().push(format!("{name} ={value}"));
    }

    fn histogram(&self, name: &str, value: f64) {
        self.0.lock().push(format!("{name} <{value}"));
    }

    fn now_unix_nano(&self) -> u64 {
        7
    }
}

fn bounded() -> (Arc<Told>, Bounded) {
    let told = Arc::new(Told::default());
    (told.clone(), Bounded::new(told))
}

#[test]
fn everything_within_the_bounds_is_passed_on() {
    let (told, bounded) = bounded();
    bounded.log(Level::Debug, b"a line");
    bounded.counter(b"c", 2);
    bounded.gauge(b"g", 0.5);
    bounded.histogram(b"h", 1.5);
    assert_eq!(*told.0.lock(), ["Debug a line", "c +2", "g =0.5", "h <1.5"]);
    assert_eq!(bounded.now_unix_nano(), 7);
}

#[test]
fn names_beyond_the_bound_are_ignored_with_one_warning() {
    let (told, bounded) = bounded();
    for _ in 0..2 {
        for index in 0..METRIC_NAMES_MAX + 3 {
            bounded.counter(format!("c{index}").as_bytes(), 1);
        }
    }
    let told = told.0.lock();
    let warnings: Vec<_> = told
        .iter()
        .filter(|line| line.starts_with("Warn"))
        .collect();
    assert_eq!(warnings.len(), 1);
    assert!(warnings[0].starts_with("Warn the metric `c64` and others are ignored"));
    assert_eq!(told.len(), 2 * METRIC_NAMES_MAX + 1);
}

#[test]
fn names_that_are_no_names_are_ignored() {
    let (told, bounded) = bounded();
    let long = [b'x'; METRIC_NAME_BYTES_MAX + 1];
    for name in [&b""[..], b"\xff", &long] {
        bounded.gauge(name, 1.0);
    }
    assert_eq!(told.0.lock().len(), 1);
    bounded.gauge(&long[1..], 1.0);
    assert_eq!(told.0.lock().len(), 2);
}

#[test]
fn lines_are_cut_and_repaired() {
    let (told, bounded) = bounded();
    bounded.log(Level::Info, &[b'x'; 2 * LOG_LINE_BYTES_MAX]);
    bounded.log(Level::Info, b"\xff");
    let told = told.0.lock();
    assert_eq!(told[0].len(), "Info ".len() + LOG_LINE_BYTES_MAX);
    assert_eq!(told[1], "Info \u{fffd}");
}
