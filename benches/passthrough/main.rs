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
use std::time::Instant;

use anyhow::{Context, Result};

mod child;
mod load;
mod proxy;
mod segments;
mod sink;

use child::{Child, Contestant, Cost};
use load::{Scenario, scenarios};
use sink::Sink;

const ROUNDS: usize = 5;
const CONTESTANTS: [Contestant; 3] = [Contestant::Memory, Contestant::Durable, Contestant::Bare];

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
        "{:34} {:>16} {:>16} {:>7} {:>16} {:>6} {:>17} {:>12}",
        "CPU us per item: min (median)",
        "in memory",
        "on disk",
        "extra",
        "bare proxy",
        "ratio",
        "peak RSS MiB",
        "disk req/s"
    );
    for scenario in scenarios() {
        if only.is_some_and(|only| !scenario.name.contains(only)) {
            continue;
        }
        let mut costs = [const { Vec::new() }; CONTESTANTS.len()];
        for _ in 0..ROUNDS {
            for (who, costs) in CONTESTANTS.into_iter().zip(&mut costs) {
                costs.push(measure(&scenario, who).await?);
            }
        }
        print(&scenario, &mut costs);
    }
    Ok(())
}

/// One round: a fresh child, a warm-up, and the measured load.
async fn measure(scenario: &Scenario, who: Contestant) -> Result<Cost> {
    let sink = Sink::start().await?;
    let child = Child::of(who, scenario, sink.port())?;
    let warm_up = scenario.requests.div_ceil(10);
    load::run(scenario, child.port(), warm_up)
        .await
        .context("warm-up")?;
    sink.wait_for(warm_up * scenario.items).await?;
    let (before, began) = (child.cpu()?, Instant::now());
    load::run(scenario, child.port(), scenario.requests).await?;
    sink.wait_for((warm_up + scenario.requests) * scenario.items)
        .await?;
    let took = began.elapsed().as_secs_f64();
    let items = (scenario.requests * scenario.items) as f64;
    let micros = (child.cpu()? - before).as_secs_f64() * 1e6;
    Ok(Cost {
        micros_per_item: micros / items,
        peak_rss_mib: child.peak_rss_mib()?,
        requests_per_second: scenario.requests as f64 / took,
    })
}

fn print(scenario: &Scenario, costs: &mut [Vec<Cost>; CONTESTANTS.len()]) {
    let min_median = |costs: &mut Vec<Cost>| {
        costs.sort_by(|a, b| a.micros_per_item.total_cmp(&b.micros_per_item));
        let median = costs[costs.len() / 2].micros_per_item;
        (costs[0].micros_per_item, median)
    };
    let [memory, disk, bare] = costs.each_mut().map(min_median);
    let peak = |costs: &[Cost]| {
        let peaks = costs.iter().map(|cost| cost.peak_rss_mib);
        peaks.fold(0.0, f64::max)
    };
    let rate = |costs: &[Cost]| {
        let rates = costs.iter().map(|cost| cost.requests_per_second);
        rates.fold(0.0, f64::max)
    };
    let column = |(min, median): (f64, f64)| format!("{min:.3} ({median:.3})");
    println!(
        "{:34} {:>16} {:>16} {:>7.3} {:>16} {:>6.2} {:>8.1} {:>8.1} {:>6.0} of {:.0}",
        scenario.name,
        column(memory),
        column(disk),
        disk.0 - memory.0,
        column(bare),
        memory.0 / bare.0,
        peak(&costs[0]),
        peak(&costs[1]),
        rate(&costs[1]),
        rate(&costs[0]),
    );
}
