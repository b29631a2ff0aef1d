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
mod sink;
mod template;

use child::{Child, Contestant, Cost};
use load::{Scenario, scenarios};
use sink::Sink;

const ROUNDS: usize = 5;
/// Names the second table alone.
const PROCESSORS: &str = "processors";
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
    if only != Some(PROCESSORS) {
        pass_through(only).await?;
    }
    if only.is_none_or(|only| only == PROCESSORS) {
        processors().await?;
    }
    Ok(())
}

/// What processors add: interleaved with the same load without them.
async fn processors() -> Result<()> {
    println!(
        "{:34} {:>16} {:>16} {:>16} {:>7} {:>8}",
        "CPU us per item: min (median)", "processor", "without", "with", "more", "RSS MiB"
    );
    for (scenario, processors) in load::processed() {
        for processor in processors {
            let (mut plain, mut with) = (Vec::new(), Vec::new());
            for _ in 0..ROUNDS {
                plain.push(measure(&scenario, Contestant::Memory).await?);
                with.push(measure(&scenario, Contestant::Processing(processor)).await?);
            }
            let peaks = with.iter().map(|cost| cost.peak_rss_mib);
            let peak = peaks.fold(0.0, f64::max);
            let (plain, with) = (min_median(&mut plain), min_median(&mut with));
            println!(
                "{:34} {:>16} {:>16} {:>16} {:>6.0}% {:>8.1}",
                scenario.name,
                processor,
                column(plain),
                column(with),
                (with.0 / plain.0 - 1.0) * 100.0,
                peak,
            );
        }
    }
    Ok(())
}

async fn pass_through(only: Option<&str>) -> Result<()> {
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

fn min_median(costs: &mut [Cost]) -> (f64, f64) {
    costs.sort_by(|a, b| a.micros_per_item.total_cmp(&b.micros_per_item));
    let median = costs[costs.len() / 2].micros_per_item;
    (costs[0].micros_per_item, median)
}

fn column((min, median): (f64, f64)) -> String {
    format!("{min:.3} ({median:.3})")
}

/// One round: a fresh child, a warm-up, and the measured load.
async fn measure(scenario: &Scenario, who: Contestant) -> Result<Cost> {
    let sink = Sink::start().await?;
    let child = Child::of(who, scenario, sink.port())?;
    let warm_up = scenario.requests.div_ceil(10);
    load::run(scenario, child.port(), warm_up)
        .await
        .context("warm-up")?;
    // What is merged arrives as something else; its windows end several times within the load.
    let is_merged = who == Contestant::Processing("delta_merge");
    if !is_merged {
        sink.wait_for(warm_up * scenario.items).await?;
    }
    let (before, began) = (child.cpu()?, Instant::now());
    load::run(scenario, child.port(), scenario.requests).await?;
    if !is_merged {
        sink.wait_for((warm_up + scenario.requests) * scenario.items)
            .await?;
    }
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
    let [memory, disk, bare] = costs.each_mut().map(|costs| min_median(costs));
    let peak = |costs: &[Cost]| {
        let peaks = costs.iter().map(|cost| cost.peak_rss_mib);
        peaks.fold(0.0, f64::max)
    };
    let rate = |costs: &[Cost]| {
        let rates = costs.iter().map(|cost| cost.requests_per_second);
        rates.fold(0.0, f64::max)
    };
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
