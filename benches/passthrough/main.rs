//! What passing a request through costs: CPU time per item and peak memory of the real binary.
//!
//! `cargo bench --bench passthrough` starts the binary, or a bare proxy that only copies bytes, as
//! a child process between a generator and a sink that live here, and reads the child's CPU time
//! from the system, so that neither generator nor sink is counted. Both run interleaved, several
//! rounds, on the same requests; the ratio of the two minima is what the machine's noise leaves
//! comparable.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a benchmark prints"
)]

use std::process::ExitCode;

use anyhow::{Context, Result};

mod child;
mod load;
mod proxy;
mod sink;

use child::{Child, Cost};
use load::{Scenario, scenarios};
use sink::Sink;

const ROUNDS: usize = 5;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().collect();
    if let [_, mode, protocol, upstream] = &args[..]
        && mode == proxy::MODE
    {
        return finished(proxy::run(protocol, upstream));
    }
    let only = args.iter().skip(1).find(|arg| !arg.starts_with("--"));
    finished(bench(only.map(String::as_str)))
}

fn finished(result: Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn bench(only: Option<&str>) -> Result<()> {
    println!(
        "{:34} {:>22} {:>22} {:>7} {:>10}",
        "microseconds of CPU per item", "skyferry min (median)", "bare proxy", "ratio", "peak RSS"
    );
    for scenario in scenarios() {
        if only.is_some_and(|only| !scenario.name.contains(only)) {
            continue;
        }
        let (mut ours, mut bare) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            ours.push(measure(&scenario, Child::skyferry).await?);
            bare.push(measure(&scenario, Child::proxy).await?);
        }
        print(&scenario, &mut ours, &mut bare);
    }
    Ok(())
}

/// One round: a fresh child, a warm-up, and the measured load.
async fn measure(scenario: &Scenario, start: fn(&Scenario, u16) -> Result<Child>) -> Result<Cost> {
    let sink = Sink::start().await?;
    let child = start(scenario, sink.port())?;
    let warm_up = scenario.requests.div_ceil(10);
    load::run(scenario, child.port(), warm_up)
        .await
        .context("warm-up")?;
    sink.wait_for(warm_up * scenario.items).await?;
    let before = child.cpu()?;
    load::run(scenario, child.port(), scenario.requests).await?;
    sink.wait_for((warm_up + scenario.requests) * scenario.items)
        .await?;
    let items = (scenario.requests * scenario.items) as f64;
    let micros = (child.cpu()? - before).as_secs_f64() * 1e6;
    Ok(Cost {
        micros_per_item: micros / items,
        peak_rss_mib: child.peak_rss_mib()?,
    })
}

fn print(scenario: &Scenario, ours: &mut [Cost], bare: &mut [Cost]) {
    let min_median = |costs: &mut [Cost]| {
        costs.sort_by(|a, b| a.micros_per_item.total_cmp(&b.micros_per_item));
        (
            costs[0].micros_per_item,
            costs[costs.len() / 2].micros_per_item,
        )
    };
    let (own, own_median) = min_median(ours);
    let (base, base_median) = min_median(bare);
    let rss = ours
        .iter()
        .map(|cost| cost.peak_rss_mib)
        .fold(0.0, f64::max);
    println!(
        "{:34} {:>12.3} ({:>7.3}) {:>12.3} ({:>7.3}) {:>7.2} {:>6.1} MiB",
        scenario.name,
        own,
        own_median,
        base,
        base_median,
        own / base,
        rss
    );
}
