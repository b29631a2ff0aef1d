//! What the process costs, read whenever metrics are rendered.

use std::time::Instant;

use pdata::Budget;
use rustix::time::{ClockId, clock_gettime};
use telemetry::Metrics;

/// Adds the metrics of the process and of its memory budget.
pub(crate) fn watch(metrics: &Metrics, budget: Budget, started: Instant) {
    let gauge = |name, help| {
        metrics.describe(name, help);
        metrics.gauge(name, &[])
    };
    let uptime = gauge("otelcol_process_uptime", "Seconds since the start");
    let cpu = gauge(
        "otelcol_process_cpu_seconds",
        "Seconds of CPU used, in user and system mode",
    );
    let resident = gauge("otelcol_process_memory_rss", "Bytes of memory in use");
    let limit = gauge(
        "skyferry_memory_budget_bytes",
        "Bytes that telemetry may take in memory",
    );
    let used = gauge(
        "skyferry_memory_in_use_bytes",
        "Bytes that telemetry takes in memory",
    );
    metrics.before_render(move || {
        uptime.set(started.elapsed().as_secs_f64());
        cpu.set(cpu_seconds());
        if let Some(bytes) = resident_bytes() {
            resident.set(bytes);
        }
        limit.set(budget.limit() as f64);
        used.set(budget.used() as f64);
    });
}

fn cpu_seconds() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// Linux only; other systems have no `/proc`.
fn resident_bytes() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: f64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024.0)
}
