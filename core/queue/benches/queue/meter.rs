//! What this process has used of the machine.

use std::time::{Duration, Instant};

/// From here to [`Meter::stop`].
pub(crate) struct Meter {
    began: Instant,
    cpu: Duration,
    written: u64,
}

/// What was used for so many bytes.
pub(crate) struct Used {
    bytes: u64,
    took: Duration,
    cpu: Duration,
    written: u64,
}

impl Meter {
    pub(crate) fn start() -> Self {
        Meter {
            began: Instant::now(),
            cpu: cpu(),
            written: written_bytes(),
        }
    }

    pub(crate) fn stop(self, bytes: u64) -> Used {
        Used {
            bytes,
            took: self.began.elapsed(),
            cpu: cpu() - self.cpu,
            written: written_bytes() - self.written,
        }
    }
}

impl Used {
    pub(crate) fn megabytes_per_second(&self) -> f64 {
        self.bytes as f64 / 1e6 / self.took.as_secs_f64()
    }

    pub(crate) fn cpu_ns_per_byte(&self) -> f64 {
        self.cpu.as_nanos() as f64 / self.bytes as f64
    }

    /// How many bytes were given to the system for each. What the system counts as written to the
    /// disk says more than that where files are written over: a large page counts as a whole when a
    /// part of it is.
    pub(crate) fn amplification(&self) -> f64 {
        self.written as f64 / self.bytes as f64
    }
}

/// CPU time of all threads that are there, in the scheduler's nanoseconds.
fn cpu() -> Duration {
    let tasks = std::fs::read_dir("/proc/self/task").expect("the system has /proc");
    let of = |task: std::fs::DirEntry| {
        let text = std::fs::read_to_string(task.path().join("schedstat")).ok()?;
        text.split(' ').next()?.parse::<u64>().ok()
    };
    let nanos = tasks.filter_map(|task| of(task.ok()?)).sum();
    Duration::from_nanos(nanos)
}

fn written_bytes() -> u64 {
    field("/proc/self/io", "wchar:")
}

pub(crate) fn resident_bytes() -> u64 {
    field("/proc/self/status", "VmRSS:") * 1024
}

fn field(file: &str, name: &str) -> u64 {
    let text = std::fs::read_to_string(file).expect("the system has /proc");
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let value = line.and_then(|line| line.split_whitespace().next());
    value
        .and_then(|value| value.parse().ok())
        .unwrap_or_default()
}
