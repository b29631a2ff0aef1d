//! What the queue costs on this disk, beside plain files that are written and synced alike: growing
//! ones, and ones that are written over as the queue writes over the segments it is done with.
//!
//! `cargo bench -p skyferry-queue --bench queue` writes some gigabytes under the target directory.
//! Throughput depends on the disk and its other users, so the floors are measured in turn with the
//! queue, several rounds, with groups of the size that the queue has made.

#![expect(clippy::print_stdout, reason = "a benchmark prints")]

use std::path::Path;
use std::time::{Duration, Instant};

use queue::Durability;

mod floor;
mod meter;
mod rig;

use floor::Blocks;
use meter::{Meter, Used};
use rig::Rig;

const ROUNDS: usize = 3;
const WRITTEN: u64 = 512 << 20;
/// Of one record after the other, each of which waits for its sync.
const WRITTEN_ALONE: u64 = 128 << 20;
/// Two segments and a little.
const WARM_UP: u64 = 144 << 20;
/// Records on their way at once, as from so many connections.
const IN_FLIGHT: usize = 64;
/// GiB of the backlog; a long run sets more.
const BACKLOG_GIB: &str = "SKYFERRY_BACKLOG_GIB";
const BACKLOG_GIB_DEFAULT: u64 = 2;

fn main() {
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"));
    let directory = directory.expect("the target directory can be written");
    println!("records written and synced, one at a time");
    throughput(directory.path(), 48 << 10, (1, WRITTEN_ALONE));
    println!("\nrecords written and synced, {IN_FLIGHT} in flight");
    for length in [8 << 10, 64 << 10] {
        throughput(directory.path(), length, (IN_FLIGHT, WRITTEN));
    }
    println!("\nlatency of one record of 8 KiB, until it is synced");
    for producers in [1, 16] {
        latency(directory.path(), producers);
    }
    let gib = std::env::var(BACKLOG_GIB).ok();
    let gib = gib.map_or(BACKLOG_GIB_DEFAULT, |gib| gib.parse().expect("a number"));
    println!("\na backlog of {gib} GiB");
    backlog(directory.path(), gib << 30);
}

fn throughput(directory: &Path, length: usize, (in_flight, bytes): (usize, u64)) {
    for _ in 0..ROUNDS {
        let path = directory.join("written");
        let records = bytes / length as u64;
        let mut rig = Rig::open(&path, Durability::Always);
        // Until it has files to write over, as it has in the long run.
        rig.write(WARM_UP / length as u64, length, IN_FLIGHT);
        let meter = Meter::start();
        rig.write(records, length, in_flight);
        let ours = meter.stop(records * length as u64);
        let group = rig.mean_group_bytes();
        rig.close();
        std::fs::remove_dir_all(&path).expect("it is ours");
        let growing = floor::write(directory, Blocks::New, bytes, group);
        let over = floor::write(directory, Blocks::Written, bytes, group);
        print(length, &ours, group, [&growing, &over]);
    }
}

fn print(length: usize, ours: &Used, group: u64, floors: [&Used; 2]) {
    println!(
        "{:>3} KiB: {:>6.0} MB/s, {:>6.1} us CPU a record ({:.3} ns a byte), written {:.3} times; \
         groups of {:>4} KiB",
        length >> 10,
        ours.megabytes_per_second(),
        ours.cpu_ns_per_byte() * length as f64 / 1000.0,
        ours.cpu_ns_per_byte(),
        ours.amplification(),
        group >> 10,
    );
    for (name, plain) in ["growing", "written over"].iter().zip(floors) {
        println!(
            "         a plain file, {name}: {:>6.0} MB/s ({:.3} ns a byte); the queue has {:.2} of that",
            plain.megabytes_per_second(),
            plain.cpu_ns_per_byte(),
            ours.megabytes_per_second() / plain.megabytes_per_second(),
        );
    }
}

fn latency(directory: &Path, producers: usize) {
    let path = directory.join("latency");
    let mut rig = Rig::open(&path, Durability::Always);
    let mut waits = rig.write(2000, 8 << 10, producers);
    rig.close();
    std::fs::remove_dir_all(&path).expect("it is ours");
    waits.sort_unstable();
    let at = |part: usize| waits[(waits.len() - 1) * part / 100];
    println!(
        "{producers:>3} producers: p50 {:?}, p99 {:?}, max {:?}",
        at(50),
        at(99),
        at(100)
    );
}

fn backlog(directory: &Path, bytes: u64) {
    const LENGTH: usize = 32 << 10;
    let path = directory.join("backlog");
    let records = bytes / LENGTH as u64;
    let mut rig = Rig::open(&path, Durability::Always);
    let resident = meter::resident_bytes();
    let meter = Meter::start();
    rig.write_and_leave(records, LENGTH, IN_FLIGHT);
    let written = meter.stop(bytes);
    let grown = meter::resident_bytes().saturating_sub(resident);
    println!(
        "written at {:>6.0} MB/s, {:.3} ns CPU a byte, written {:.3} times, resident memory grew by {} MiB",
        written.megabytes_per_second(),
        written.cpu_ns_per_byte(),
        written.amplification(),
        grown >> 20
    );
    rig.close();
    let began = Instant::now();
    let mut rig = Rig::open(&path, Durability::Always);
    let opened = began.elapsed();
    let meter = Meter::start();
    let drained = rig.drain();
    let used = meter.stop(bytes);
    println!(
        "opened in {opened:?}; drained {drained} records at {:>6.0} MB/s, {:.3} ns CPU a byte",
        used.megabytes_per_second(),
        used.cpu_ns_per_byte()
    );
    rig.close();
    assert_eq!(drained, records);
}

/// No wait of a healthy run is longer.
const PATIENCE: Duration = Duration::from_secs(60);
