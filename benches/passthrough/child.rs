//! The process under measurement.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::load::Scenario;
use crate::proxy;

/// A running child, ended with this value.
pub(crate) struct Child {
    process: std::process::Child,
    port: u16,
    /// Holds the configuration as long as the child lives.
    _directory: tempfile::TempDir,
}

/// What one round cost.
pub(crate) struct Cost {
    pub(crate) micros_per_item: f64,
    pub(crate) peak_rss_mib: f64,
    pub(crate) requests_per_second: f64,
}

/// Who stands between the generator and the sink.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Contestant {
    /// The real binary with queues in memory.
    Memory,
    /// The real binary as it is without a word about queues: on disk, synced.
    Durable,
    /// A proxy that only copies bytes.
    Bare,
    /// The real binary with queues in memory and this processor in the pipeline.
    Processing(&'static str),
}

impl Child {
    pub(crate) fn of(who: Contestant, scenario: &Scenario, upstream: u16) -> Result<Child> {
        match who {
            Contestant::Memory => Child::skyferry(scenario, upstream, "{storage: memory}", None),
            Contestant::Durable => Child::skyferry(scenario, upstream, "{}", None),
            Contestant::Processing(processor) => {
                Child::skyferry(scenario, upstream, "{storage: memory}", Some(processor))
            }
            Contestant::Bare => Child::proxy(scenario, upstream),
        }
    }

    /// The real binary, from OTLP to the same OTLP without compression, or from segments to segments.
    fn skyferry(
        scenario: &Scenario,
        upstream: u16,
        queue: &str,
        processor: Option<&str>,
    ) -> Result<Child> {
        let directory = tempfile::tempdir()?;
        let config = directory.path().join("bench.yaml");
        std::fs::write(&config, configuration(scenario, upstream, queue, processor))?;
        let mut command = Command::new(env!("CARGO_BIN_EXE_skyferry"));
        command
            .arg("--config")
            .arg(&config)
            .current_dir(directory.path());
        let listening = |line: &str| {
            let line: serde_json::Value = serde_json::from_str(line).ok()?;
            let component = line["component"].as_str()?;
            let is_receiver = component.starts_with("receivers/");
            let address = line["address"].as_str().filter(|_| is_receiver)?;
            address.rsplit_once(':')?.1.parse().ok()
        };
        Child::start(command, directory, listening)
    }

    /// This program again, as a proxy that only copies bytes.
    fn proxy(scenario: &Scenario, upstream: u16) -> Result<Child> {
        let mut command = Command::new(std::env::current_exe()?);
        let protocol = if scenario.grpc { "h2" } else { "h1" };
        command.args([proxy::MODE, protocol, &format!("127.0.0.1:{upstream}")]);
        let listening = |line: &str| line.strip_prefix(proxy::LISTENING)?.parse().ok();
        Child::start(command, tempfile::tempdir()?, listening)
    }

    fn start(
        mut command: Command,
        directory: tempfile::TempDir,
        listening: impl Fn(&str) -> Option<u16>,
    ) -> Result<Child> {
        let mut process = command
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()?;
        let log = process
            .stderr
            .take()
            .context("the child's standard error is piped")?;
        let mut lines = BufReader::new(log).lines();
        let mut said = Vec::new();
        let port = loop {
            let Some(line) = lines.next().transpose()? else {
                bail!("the child ended before it listened:\n{}", said.join("\n"));
            };
            if let Some(port) = listening(&line) {
                break port;
            }
            said.push(line);
        };
        // Read on, so that the child never waits for a full pipe.
        std::thread::spawn(move || lines.for_each(drop));
        Ok(Child {
            process,
            port,
            _directory: directory,
        })
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// CPU time of all threads so far, in the scheduler's nanoseconds.
    pub(crate) fn cpu(&self) -> Result<Duration> {
        let tasks = self.proc("task");
        let mut nanos = 0;
        for task in std::fs::read_dir(&tasks)? {
            let schedstat = std::fs::read_to_string(task?.path().join("schedstat"))?;
            let on_cpu = schedstat
                .split(' ')
                .next()
                .context("schedstat has three numbers")?;
            nanos += on_cpu.parse::<u64>()?;
        }
        Ok(Duration::from_nanos(nanos))
    }

    pub(crate) fn peak_rss_mib(&self) -> Result<f64> {
        let status = std::fs::read_to_string(self.proc("status"))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.split_whitespace().next());
        Ok(kib.context("the status has VmHWM")?.parse::<f64>()? / 1024.0)
    }

    fn proc(&self, file: &str) -> PathBuf {
        ["/proc", &self.process.id().to_string(), file]
            .iter()
            .collect()
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // It may have ended by itself, which the measurement has noticed then.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

fn configuration(
    scenario: &Scenario,
    upstream: u16,
    queue: &str,
    processor: Option<&str>,
) -> String {
    let protocol = match scenario.grpc {
        true => "grpc",
        false => "http",
    };
    let (receiver, exporter, more) = match scenario.content.is_otlp() {
        true => ("otlp", format!("otlp_{protocol}"), "compression: none"),
        false => ("skywalking", "skywalking".to_owned(), "optional: false"),
    };
    // What a processor derives has to go somewhere; here nothing is derived.
    let (processors, derived) = match processor {
        Some("span_listeners") => (
            "[span_listeners]".to_owned(),
            format!("metrics: {{receivers: [span_listeners], exporters: [{exporter}]}}"),
        ),
        Some(processor) => (format!("[{processor}]"), String::new()),
        None => ("[]".to_owned(), String::new()),
    };
    format!(
        "receivers: {{{receiver}: {{protocols: {{{protocol}: {{endpoint: \"127.0.0.1:0\"}}}}}}}}
processors: {{platform: , span_listeners: , delta_merge: {{flush_interval: 1s}}}}
exporters:
  {exporter}:
    endpoint: \"http://127.0.0.1:{upstream}\"
    {more}
    sending_queue: {queue}
service:
  telemetry:
    logs: {{encoding: json}}
    metrics: {{level: none}}
    health: {{address: \"127.0.0.1:0\"}}
  pipelines:
    {signal}: {{receivers: [{receiver}], processors: {processors}, exporters: [{exporter}]}}
    {derived}
",
        signal = scenario.signal
    )
}
