use std::io;
use std::sync::Arc;

use super::*;

#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn lines_of(emit: impl FnOnce()) -> Vec<String> {
    let written = Written::default();
    let writer = written.clone();
    let lines = format::layer()
        .with_writer(move || writer.clone())
        .with_ansi(false)
        .with_filter(Repetition::new(LevelFilter::INFO));
    tracing::subscriber::with_default(tracing_subscriber::registry().with(lines), emit);
    let bytes = written.0.lock().clone();
    let text = String::from_utf8(bytes).expect("log lines are UTF-8");
    text.lines().map(str::to_owned).collect()
}

#[test]
fn repeated_warnings_are_held_back_for_each_component_apart() {
    let lines = lines_of(|| {
        for _ in 0..100 {
            for component in ["exporters/otlp", "exporters/file"] {
                tracing::warn!(component, "export refused");
            }
        }
    });
    assert_eq!(lines.len(), 2 * LINES_PER_WINDOW as usize);
}

#[test]
fn information_is_never_held_back_and_debug_is_below_the_level() {
    let lines = lines_of(|| {
        for _ in 0..50 {
            tracing::info!("listening");
            tracing::debug!("detail");
        }
    });
    assert_eq!(lines.len(), 50);
}

#[test]
fn the_next_window_says_how_often_a_line_was_held_back() {
    let repetition = Repetition::new(LevelFilter::INFO);
    let callsite = || (tracing::callsite::Identifier(&CALLSITE), String::new());
    let start = Instant::now();
    let admitted = (0..20)
        .filter(|_| repetition.admit(callsite(), start).0)
        .count() as u32;
    assert_eq!(admitted, LINES_PER_WINDOW);
    let (again, suppressed) = repetition.admit(callsite(), start + WINDOW);
    assert_eq!((again, suppressed), (true, 20 - LINES_PER_WINDOW));
}

struct FixedCallsite;

static CALLSITE: FixedCallsite = FixedCallsite;

impl tracing::callsite::Callsite for FixedCallsite {
    fn set_interest(&self, _: tracing::subscriber::Interest) {}

    fn metadata(&self) -> &Metadata<'_> {
        unreachable!("only its address is used")
    }
}
